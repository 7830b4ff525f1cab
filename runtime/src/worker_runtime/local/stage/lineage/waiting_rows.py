"""Rows on their way into the file: they wait for their transaction's end, and are written table by table.

The scribe adds rows in the order of what happened; ids are given here, so that a row can name one that
waits. Nobody else writes what it writes, and of a transaction others see nothing before its end.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    Row = tuple[Any, ...]

_INTO: Final = {
    "records": "OR IGNORE INTO records (id, worker, source, record, at, wall, bytes, correlation, body,"
    " item_table, item, prints)",
    "invocations": "INTO invocations (id, worker, request, at, wall, repeated, ended_at, ended_wall,"
    " took_ms, init_ms, answer, error, reading)",
    "attempts": "OR IGNORE INTO attempts (invocation, record, receives, done, outcome, reason)",
    "lines": "INTO lines (invocation, worker, at, wall, level, record, message, line)",
    "caused": "INTO caused (invocation, record, known_by, at, wall, verb, kind, target, thing, prints,"
    " error)",
    "steps": "INTO steps (record, at, wall, kind, until, detail, letter)",
    "checkpoints": "OR REPLACE INTO checkpoints (worker, shard, at, wall, sequence)",
    "sent_back": "INTO sent_back (at, wall, letter, worker, thing)",
    "accidents": "INTO accidents (invocation, request, at, wall, kind, worker, place)",
}
_INSERTS: Final = {
    table: f"INSERT {into} VALUES ({', '.join('?' * (into.count(',') + 1))})"  # noqa: S608 - as they stand above
    for table, into in _INTO.items()
}
_NUMBERED: Final = ("records", "invocations")

_log = logging.getLogger(__name__)


class WaitingRows:
    """Rows of one file; for one thread, which begins transactions and ends them."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._waiting: dict[str, list[Row]] = {table: [] for table in _INSERTS}
        self._last_ids = dict.fromkeys(_NUMBERED, 0)

    def begin(self) -> None:
        """Begin a transaction; ids go on behind the file's last."""
        self._db.execute("BEGIN IMMEDIATE")
        for table, last in self._last_ids.items():
            (stored,) = self._db.execute(f"SELECT max(id) FROM {table}").fetchone()  # noqa: S608 - one of two names
            self._last_ids[table] = max(last, stored or 0)

    def end(self) -> None:
        """Write what waits, and commit."""
        try:
            self.settle()
        finally:
            self._db.execute("COMMIT")

    def new_id(self, table: str) -> int:
        """Take an id for a row of ``records`` or ``invocations``; none is given twice, used or not."""
        self._last_ids[table] += 1
        return self._last_ids[table]

    def add(self, table: str, *rows: Row) -> None:
        """Let rows wait."""
        self._waiting[table] += rows

    def settle(self) -> None:
        """Write what waits: before rows are looked up or changed that may be among it."""
        for table, rows in self._waiting.items():
            if rows:
                self._waiting[table] = []
                self.write(table, rows)

    def write(self, table: str, rows: Sequence[Row]) -> int:
        """Write rows at once and return how many; those that are there already are not."""
        self._db.execute("SAVEPOINT rows")
        try:
            return self._db.executemany(_INSERTS[table], rows).rowcount
        except (sqlite3.Error, UnicodeError, OverflowError):
            self._db.execute("ROLLBACK TO rows")
            return sum(self._write_alone(table, row) for row in rows)
        finally:
            self._db.execute("RELEASE rows")

    def _write_alone(self, table: str, row: Row) -> int:
        """Write one of several rows of which one cannot be written; half a surrogate becomes ``?``."""
        said = (each.encode(errors="replace").decode() if isinstance(each, str) else each for each in row)
        try:
            return self._db.execute(_INSERTS[table], tuple(said)).rowcount
        except (sqlite3.Error, OverflowError):
            _log.exception("a row of %s is missing", table)
            return 0
