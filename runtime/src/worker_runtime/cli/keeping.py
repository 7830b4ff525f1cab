"""A stage that stays up behind its demo, so that a person can try other commands on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.local.commands.new_files import refuse_taken
from worker_runtime.local.commands.reporting import tell
from worker_runtime.local.commands.stopping import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from worker_runtime.local.commands.reporting import Output


def keep_up(environment: Mapping[str, str], file: Path, *, serve: Callable[[], None], output: Output) -> None:
    """Write to a file with which variables a stage is found while it serves; Ctrl-C ends it and the file."""
    from worker_runtime.local.serving.environment_file import environment_file  # noqa: PLC0415 - help needs none

    refuse_taken(file)
    with environment_file(file, environment):
        try:
            told = f"The stage stays up until Ctrl-C; other commands find it with --env-file {file}"
            if output.watched:
                tell(told, style="bold")
            serve()
        except Stopped:
            raise
        except KeyboardInterrupt:
            if output.watched:
                tell("stopping the stage")
