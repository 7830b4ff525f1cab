"""Options that several commands have, said once; a plugin's commands take the same."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker_runtime.local.commands.inputs import read_variables
from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.local.reachable import refuse_no_urls

if TYPE_CHECKING:
    from collections.abc import Iterable


def _worker_ids(incomplete: str) -> list[str]:
    from worker_runtime.catalogue import installed  # noqa: PLC0415 - only while a shell completes

    return [name for name in sorted(installed().workers) if name.startswith(incomplete)]


def _stacks(incomplete: str) -> list[str]:
    from worker_runtime.catalogue import installed  # noqa: PLC0415 - only while a shell completes
    from worker_runtime.local.inventory import take_inventory  # noqa: PLC0415

    there = {row.stack for row in take_inventory(installed()).workers if row.stack}
    return sorted(stack for stack in there if stack.startswith(incomplete))


AsJson = Annotated[bool, typer.Option("--json", help="Write JSON: the result on stdout, an error on stderr.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
StackName = Annotated[
    str | None, typer.Option("--stack", help="Only the workers of this stack.", autocompletion=_stacks)
]
WorkerName = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="A worker's id, or its bare name where it is unique.", autocompletion=_worker_ids
    ),
]
EndpointUrl = Annotated[
    str | None,
    typer.Option("--endpoint-url", help="Where AWS is: an emulator's URL; AWS itself without it."),
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
