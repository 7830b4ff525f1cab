"""A lineage file as text by which two runs are compared: alike where the same happened in the same order.

What no two runs share is left out or renamed: the machine's times and durations, sizes and prints, which
ids change too; ids are numbered as they first appear; the stage's times are told from the run's begin.
"""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.stage.lineage.schema import open_to_read

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

_ORDERS: Final = {
    "records": "id",
    "invocations": "id",
    "attempts": "invocation, record",
    "lines": "id",
    "caused": "id",
    "steps": "id",
    "checkpoints": "worker, shard",
    "sent_back": "id",
    "accidents": "id",
}
_LEFT_OUT: Final = frozenset(("wall", "ended_wall", "took_ms", "init_ms", "bytes", "prints", "line"))
_MOMENTS: Final = frozenset(("at", "ended_at", "until"))
_IDS: Final = re.compile(
    r"(?i:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # UUIDs
    r"|(?<![0-9a-f])[0-9a-f]{24,}(?![0-9a-f])"  # traces, digests
    r"|(?<![0-9.])[0-9]{18,}"  # sequence numbers
    r"|0x[0-9a-f]{6,}"  # where something was in memory
    r"|(?<=127\.0\.0\.1:)[0-9]+)"  # ports
)


def dump(file: Path) -> str:
    """Write out a lineage file, a line a row; raises LineageUnreadable."""
    with closing(open_to_read(file)) as db:
        named = _Named()
        return "".join(f"{_IDS.sub(named, line)}\n" for line in _lines(db))


class _Named:
    """Numbers ids by their first appearance."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def __call__(self, found: re.Match[str]) -> str:
        return self._names.setdefault(found[0].lower(), f"<{len(self._names) + 1}>")


def _lines(db: sqlite3.Connection) -> Iterator[str]:
    began = [row["at"] for row in db.execute("SELECT at FROM runs ORDER BY id")]
    for table, order in _ORDERS.items():
        for row in db.execute(f"SELECT * FROM {table} ORDER BY {order}"):  # noqa: S608 - both stand above
            told = (
                f"{column}={_told(column, row[column], began=began[0])}"
                for column in row.keys()  # noqa: SIM118 - a row's own names
                if column not in _LEFT_OUT and row[column] is not None
            )
            yield f"{table}: {' '.join(told)}"


def _told(column: str, value: Any, *, began: float) -> str:
    return f"{value - began:+.3f}" if column in _MOMENTS else str(value).replace("\n", "\\n")
