"""Options that several commands have, said once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from worker_runtime.cli.reporting import Misuse

if TYPE_CHECKING:
    from collections.abc import Iterable


def _worker_ids(incomplete: str) -> list[str]:
    from worker_runtime.catalogue import installed  # noqa: PLC0415 - only while a shell completes

    return [name for name in sorted(installed().workers) if name.startswith(incomplete)]


AsJson = Annotated[bool, typer.Option("--json", help="Write JSON: the result on stdout, an error on stderr.")]
StackName = Annotated[str | None, typer.Option("--stack", help="Only the workers of this stack.")]
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


def refuse_unknown_stack(stack: str, *, there: Iterable[str]) -> None:
    """Raise Misuse, with the stacks there are, where ``stack`` is none of them."""
    stacks = sorted(set(there))
    if stack not in stacks:
        known = ", ".join(stacks) or "none"
        raise Misuse(f"no installed worker is of the stack {stack!r}; there are: {known}.")
