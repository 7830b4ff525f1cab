"""The journal of a running stage: noted in passing, written by a thread of its own, many at a time.

The thread is a real one also where the stage's take turns: the order of what is written is that of the
notes, whenever it is written. Who notes waits only where more than ``ROOM_BYTES`` are unwritten.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Final

from worker_runtime.local.stage.lineage.happenings import weight
from worker_runtime.local.stage.lineage.schema import FILE, open_to_write
from worker_runtime.local.stage.lineage.scribe import Moment, Scribe
from worker_runtime.local.stage.parts.part import Part

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.lineage.happenings import Happening

    Noted = tuple[Moment, Happening]

ROOM_BYTES: Final = 4 * 1024 * 1024
"""Of records as JSON, which take three times as much in memory."""

PAUSE_S: Final = 0.1
"""Between two transactions: what a stage that is killed loses at most, and what makes batches large."""

_log = logging.getLogger(__name__)


class SqliteJournal(Part):
    """``Journal`` that keeps all in ``<folder>/lineage.sqlite``; a second stage adds to the first one's."""

    def __init__(
        self, folder: Path, *, clock: Clock, redacted: bool = True, room_bytes: int = ROOM_BYTES
    ) -> None:
        self.file = folder / FILE
        self._clock = clock
        self._redacted = redacted
        self._room_bytes = room_bytes
        self._changed = threading.Condition()
        self._noted: list[Noted] = []
        self._bytes = 0
        self._writing = False
        self._stopped = False
        self._hurried = threading.Event()
        self._thread = threading.Thread(target=self._write_on, name="lineage", daemon=True)

    def start(self) -> Self:
        """Open the file and begin to write; raises LineageUnreadable."""
        self._db = open_to_write(self.file)
        self._scribe = Scribe(self._db, redacted=self._redacted)
        self._scribe.begin_run(Moment(self._clock.now(), time.time()), speed=self._clock.speed)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Write what is noted, and end; what is noted later is dropped."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._hurried.set()
        if self._thread.is_alive():
            self._thread.join()
            self._db.close()

    def note(self, happening: Happening) -> None:
        """Note what happened just now."""
        moment = Moment(self._clock.now(), time.time())
        with self._changed:
            while self._bytes > self._room_bytes and not self._stopped:
                self._hurried.set()
                self._changed.wait()
            if self._stopped:
                return
            self._noted.append((moment, happening))
            self._bytes += weight(happening)
            if len(self._noted) == 1:
                self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all that was noted so far can be read."""
        self._hurried.set()
        with self._changed:
            while (self._noted or self._writing) and self._thread.is_alive():
                self._changed.wait(PAUSE_S)

    def _write_on(self) -> None:
        while batch := self._next_batch():
            try:
                self._write(batch)
            except sqlite3.Error:
                _log.exception("%d happenings are missing in %s", len(batch), self.file)
            if not self._stopped:
                self._hurried.wait(PAUSE_S)
                self._hurried.clear()

    def _next_batch(self) -> list[Noted]:
        """Wait for happenings and take all there are; none once the journal is stopped."""
        with self._changed:
            self._writing = False
            self._changed.notify_all()
            while not self._noted and not self._stopped:
                self._changed.wait()
            batch, self._noted, self._bytes = self._noted, [], 0
            self._writing = bool(batch)
            self._changed.notify_all()
        return batch

    def _write(self, batch: list[Noted]) -> None:
        self._scribe.begin()
        try:
            for moment, happening in batch:
                self._write_one(moment, happening)
        finally:
            self._scribe.end()

    def _write_one(self, moment: Moment, happening: Happening) -> None:
        """Write one happening; one that cannot be told costs nothing but itself."""
        try:
            self._scribe.write(moment, happening)
        except Exception:  # noqa: BLE001 - a worker may send and print anything; no stage ends for that
            _log.exception("a happening is missing in %s: %s", self.file, type(happening).__name__)
