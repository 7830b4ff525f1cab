"""``workers pipeline tables``: the warehouse's tables, for people, for a document, or for Terraform."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations
from typing import Annotated

import typer

from worker_runtime.local.commands.inputs import read_text
from worker_runtime.local.commands.options import AsJson  # noqa: TC001 - typer reads annotations
from worker_runtime.local.commands.reporting import Misuse, answering, examples
from workers_pipeline.local.glue import drawing, glue_tables, redrawn

app = typer.Typer()


@app.command(
    "tables",
    epilog=examples(
        "workers pipeline tables",
        "workers pipeline tables --json",
        "workers pipeline tables --write plugins/pipeline/README.md",
    ),
)
def tables(
    *,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FILE", help="Write them anew between the markers of this document."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the tables and their columns in Markdown; with --json as Terraform makes AWS Glue's of them.

    They are made from the schemas that the files are written by.
    """
    with answering(as_json=as_json) as output:
        if write is not None:
            try:
                anew = redrawn(read_text(write))
            except ValueError as error:
                raise Misuse(f"{write}: {error}.") from error
            write.write_text(anew, encoding="utf-8")
        elif output.as_json:
            output.json(glue_tables())
        else:
            output.text(drawing())
