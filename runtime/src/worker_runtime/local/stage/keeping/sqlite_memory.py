"""The memories of all parts of a stage in one SQLite file: what was written survives the stage's process."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from worker_runtime.local.stage.parts.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

_TABLE = """
    CREATE TABLE IF NOT EXISTS kept (
        owner TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
        PRIMARY KEY (owner, kind, key)
    )
"""
_READ = "SELECT key, value FROM kept WHERE owner = ? AND kind = ? ORDER BY rowid"
_PUT = """
    INSERT INTO kept VALUES (?, ?, ?, ?)
    ON CONFLICT (owner, kind, key) DO UPDATE SET value = excluded.value
"""
_DROP = "DELETE FROM kept WHERE owner = ? AND kind = ? AND key = ?"


class SqliteMemories(Part):
    """One file with an owner's entries each; for many threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.RLock()

    def start(self) -> Self:
        """Open the file, which is made where it is missing."""
        self._connection = sqlite3.connect(self._file, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")  # a process may end at any time, the machine not
        self._connection.execute(_TABLE)
        return self

    def stop(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def of(self, owner: str) -> SqliteMemory:
        """Return the memory of one part."""
        return SqliteMemory(self._connection, self._lock, owner)


class SqliteMemory:
    """A ``Memory`` in a file that it shares with others."""

    def __init__(self, connection: sqlite3.Connection, lock: threading.RLock, owner: str) -> None:
        self._connection = connection
        self._lock = lock
        self._owner = owner

    def read(self, kind: str) -> list[tuple[str, bytes]]:
        """Return the entries of a kind, oldest keys first."""
        with self._lock:
            return self._connection.execute(_READ, (self._owner, kind)).fetchall()

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Write an entry."""
        with self._lock:
            self._connection.execute(_PUT, (self._owner, kind, key, value))

    def drop(self, kind: str, key: str) -> None:
        """Remove an entry."""
        with self._lock:
            self._connection.execute(_DROP, (self._owner, kind, key))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write in one transaction; others wait meanwhile."""
        with self._lock:
            if self._connection.in_transaction:  # a block within a block
                yield
                return
            self._connection.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
