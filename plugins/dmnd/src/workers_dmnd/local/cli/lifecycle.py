"""``workers dmnd lifecycle``: every way from one status to the next, as Markdown, or kept in a document."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations
from typing import Annotated

import typer

from worker_runtime.local.commands.inputs import read_text
from worker_runtime.local.commands.reporting import Misuse, answering, examples
from workers_dmnd.local.lifecycle_drawing import drawing, redrawn

app = typer.Typer()


@app.command(
    "lifecycle",
    epilog=examples("workers dmnd lifecycle", "workers dmnd lifecycle --write plugins/dmnd/README.md"),
)
def lifecycle(
    *,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FILE", help="Draw it anew between the markers of this document."),
    ] = None,
) -> None:
    """Draw the life of a notification: a Mermaid diagram and a table, in Markdown.

    It is drawn from the table that the workers go by.
    """
    with answering() as output:
        if write is None:
            output.text(drawing())
            return
        try:
            anew = redrawn(read_text(write))
        except ValueError as error:
            raise Misuse(f"{write}: {error}.") from error
        write.write_text(anew, encoding="utf-8")
