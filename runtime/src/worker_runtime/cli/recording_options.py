"""Options of the commands that write recordings, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker_runtime.local.commands.new_files import refuse_taken
from worker_runtime.local.commands.reporting import Misuse, tell

Record = Annotated[
    Path | None,
    typer.Option(
        "--record",
        metavar="FILE",
        help="Write what workers are handed, and what becomes of it, to a new file.",
    ),
]
InClear = Annotated[
    bool, typer.Option("--in-clear", help="Leave personal data as it is in a recording, for an exact replay.")
]


def refuse_recording(file: Path | None, *, in_clear: bool) -> None:
    """Raise Misuse where a recording cannot be made, before anything is started; warn of one in clear."""
    if file is None:
        if in_clear:
            raise Misuse("--in-clear is about a recording; name its file with --record.")
        return
    refuse_taken(file)
    if in_clear:
        warn_in_clear(file)


def warn_in_clear(file: Path) -> None:
    """Say on stderr what ``--in-clear`` means."""
    warning = f"Personal data will stand in {file} in clear: keep it where such data may lie, remove it soon."
    tell(warning, style="bold yellow")
