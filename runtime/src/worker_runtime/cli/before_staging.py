"""What ``workers stage up`` refuses before anything is made, removed or brought up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker_runtime.local.commands.new_files import refuse_no_folder
from worker_runtime.local.commands.reporting import Misuse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

ALL: Final = "all"
"""Means the logs of all workers."""


def refuse_unwritable(file: Path, *, state: Path) -> None:
    """Raise Misuse where the environment file is something else's, or has no folder but for ``state``."""
    from worker_runtime.local.serving.environment_file import refuse_others  # noqa: PLC0415 - help needs none

    refuse_others(file)
    if file.parent != state:
        refuse_no_folder(file)


def refuse_no_aws(endpoint_url: str | None) -> None:
    """Raise EndpointSilent where nobody answers, SettingsError for no URL or half of the credentials."""
    if endpoint_url is None:
        return
    from worker_runtime.local.reachable import refuse_silence  # noqa: PLC0415 - help needs none
    from worker_runtime.local.stage.aws_clients import credentials  # noqa: PLC0415

    refuse_silence(endpoint_url, said_by="--endpoint-url")
    credentials(endpoint_url)


def followed_workers(named: Iterable[str], *, stacks: Collection[str]) -> tuple[str, ...]:
    """Find the workers whose logs are asked for, by id or bare name, or ``all``.

    Raises UnknownWorker and AmbiguousWorker, Misuse for a worker that will not be staged.
    """
    from worker_runtime.catalogue import installed  # noqa: PLC0415 - help needs none
    from worker_runtime.loading import declared_worker  # noqa: PLC0415

    catalogue, found = installed(), []
    for name in named:
        worker_id = name if name == ALL else catalogue.find(name)
        if name != ALL and stacks:
            stack = declared_worker(worker_id, catalogue.worker(worker_id)).declaration.stack.name
            if stack not in stacks:
                raise Misuse(
                    f"--logs {name}: {worker_id} is of the stack {stack!r}, which is not brought up;"
                    f" those are: {', '.join(sorted(stacks))}."
                )
        found.append(worker_id)
    return tuple(found)
