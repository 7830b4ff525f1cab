"""What a command of another process adds to the lineage of a stage whose state folder it was told."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from worker_runtime.clock import parse
from worker_runtime.local.stage.lineage.schema import (
    FILE,
    STATE_VARIABLE,
    LineageUnreadable,
    open_to_write,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def note_sent_back(environ: Mapping[str, str], letter: str, worker_id: str, things: Sequence[str]) -> None:
    """Note that a letter (by its message id) went back to its worker as ``things``.

    Nothing is noted where no stage is named or its file cannot be written: what was sent back was.
    """
    folder = environ.get(STATE_VARIABLE)
    if not folder or not (Path(folder) / FILE).is_file():
        return
    clock = environ.get("WORKER_CLOCK")
    at = parse(clock).now() if clock else time.time()
    with suppress(sqlite3.Error, LineageUnreadable), closing(open_to_write(Path(folder) / FILE)) as db:
        db.executemany(
            "INSERT INTO sent_back (at, wall, letter, worker, thing) VALUES (?, ?, ?, ?, ?)",
            [(at, time.time(), letter, worker_id, thing) for thing in things],
        )
