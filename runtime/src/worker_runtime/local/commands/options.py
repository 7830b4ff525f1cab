"""Options that several commands have, said once; a plugin's commands take the same."""

from __future__ import annotations

import io
import os
from collections import Counter
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker_runtime.local.commands.inputs import read_variables
from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.local.reachable import refuse_no_urls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def complete_workers(incomplete: str) -> list[str]:
    """Name the workers that begin like this, by id or bare name."""
    from worker_runtime.catalogue import installed  # noqa: PLC0415 - only while a shell completes

    ids = sorted(installed().workers)
    bare = Counter(worker_id.partition(".")[2] for worker_id in ids)
    unique = [name for name, of in sorted(bare.items()) if of == 1]
    return [name for name in (*ids, *unique) if name.startswith(incomplete)]


def complete_followed(incomplete: str) -> list[str]:
    """Name the workers whose logs can be followed, and ``all``."""
    return [*(["all"] if "all".startswith(incomplete) else []), *complete_workers(incomplete)]


def complete_stacks(incomplete: str) -> list[str]:
    """Name the stacks that begin like this."""
    from worker_runtime.catalogue import installed  # noqa: PLC0415 - only while a shell completes
    from worker_runtime.local.inventory import stacks, take_inventory  # noqa: PLC0415

    with _unheard():
        return [stack for stack in stacks(take_inventory(installed())) if stack.startswith(incomplete)]


def complete_queues(incomplete: str) -> list[str]:
    """Name the queues of dead letters that begin like this."""
    from worker_runtime.local.dead_letters.office import queues_of  # noqa: PLC0415 - only while a shell completes

    with _unheard():
        return [queue for queue in queues_of(None) if queue.startswith(incomplete)]


def complete_polled_queues(incomplete: str) -> list[str]:
    """Name the queues that begin like this: those that workers are polled for, those of dead letters."""
    from worker_runtime.local.recording.taps import polled_queues  # noqa: PLC0415 - only while a shell completes

    with _unheard():
        return [queue for queue in polled_queues() if queue.startswith(incomplete)]


def complete_polled_streams(incomplete: str) -> list[str]:
    """Name the streams, and the tables with one, that begin like this and that workers are polled for."""
    from worker_runtime.local.recording.taps import polled_streams  # noqa: PLC0415 - only while a shell completes

    with _unheard():
        return [stream for stream in polled_streams() if stream.startswith(incomplete)]


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep what plugins print out of what a shell reads, and off the line that a person types."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield


AsJson = Annotated[bool, typer.Option("--json", help="Write JSON: the result on stdout, an error on stderr.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
StackName = Annotated[
    str | None,
    typer.Option(
        "--stack", metavar="STACK", help="Only the workers of this stack.", autocompletion=complete_stacks
    ),
]
WorkerName = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="A worker's id, or its bare name where it is unique.",
        autocompletion=complete_workers,
    ),
]
EndpointUrl = Annotated[
    str | None,
    typer.Option(
        "--endpoint-url", metavar="URL", help="Where AWS is: an emulator's URL; AWS itself without it."
    ),
]
EnvFile = Annotated[
    Path | None,
    typer.Option("--env-file", metavar="FILE", help="NAME=value lines; they win over the environment."),
]


def take_variables(file: Path | None) -> None:
    """Add what ``--env-file`` names to this process's environment, which the runtime and AWS's SDK read.

    Raises SettingsError where what says where AWS is, there or in the environment, is no URL.
    """
    if file is not None:
        os.environ.update(read_variables(file))
    refuse_no_urls(os.environ)


def refuse_unknown_stack(stack: str, *, there: Iterable[str]) -> None:
    """Raise Misuse, with the stacks there are, where ``stack`` is none of them."""
    stacks = sorted(set(there))
    if stack not in stacks:
        known = ", ".join(stacks) or "none"
        raise Misuse(f"no installed worker is of the stack {stack!r}; there are: {known}.")
