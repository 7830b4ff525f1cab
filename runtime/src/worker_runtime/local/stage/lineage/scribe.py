"""Writes happenings into the tables of a lineage file, in the order in which they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.local.stage.lineage.calls.reading import effects_of
from worker_runtime.local.stage.lineage.happenings import (
    Called,
    Checkpointed,
    Deleted,
    Ended,
    EventHandedOver,
    GivenUp,
    HandedOver,
    Printed,
    Received,
    Refused,
    Renamed,
    SentBack,
    Split,
    Struck,
    Waiting,
)
from worker_runtime.local.stage.lineage.invocation_rows import InvocationRows
from worker_runtime.local.stage.lineage.prints import Prints
from worker_runtime.local.stage.lineage.record_rows import Moment, RecordRows
from worker_runtime.local.stage.lineage.schema import salt_of
from worker_runtime.local.stage.lineage.waiting_rows import WaitingRows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from worker_runtime.local.stage.lineage.happenings import Happening
    from worker_runtime.local.stage.polling.staged_records import StagedRecord

__all__ = ["Moment", "Scribe"]


class Scribe:
    """Writes through one connection, between ``begin`` and ``end``; for one thread."""

    def __init__(self, db: sqlite3.Connection, *, redacted: bool) -> None:
        self._db = db
        prints = Prints(salt_of(db))
        self._waiting = WaitingRows(db)
        self._records = RecordRows(db, rows=self._waiting, prints=prints, redacted=redacted)
        self._invocations = InvocationRows(db, rows=self._waiting, prints=prints, redacted=redacted)

    def begin_run(self, moment: Moment, *, speed: float) -> None:
        """Enter that a stage was started; what the one before it left running ended with it."""
        self._db.execute("UPDATE invocations SET ended_at = at, answer = 'stopped' WHERE ended_at IS NULL")
        self._db.execute("INSERT INTO runs (at, wall, speed) VALUES (?, ?, ?)", (*moment, speed))

    def begin(self) -> None:
        """Begin a transaction: until its end nobody else sees what is written."""
        self._waiting.begin()

    def end(self) -> None:
        """Commit what was written, with all that is under way."""
        try:
            self._invocations.keep_running()
        finally:
            self._waiting.end()

    def write(self, moment: Moment, happening: Happening) -> None:  # noqa: C901, PLR0912 - a case a happening
        """Write one happening."""
        match happening:
            case Received(worker=worker, records=records):
                self._records.enter(records, worker=worker, moment=moment)
            case Refused(worker=worker, records=records, filters=filters):
                entries = self._records.enter(records, worker=worker, moment=moment)
                for entry, record in zip(entries, records, strict=True):
                    self._records.refuse(entry.row, filters.explain(record.raw).says())
            case HandedOver(worker=worker, request_id=request_id, records=records, repeated=repeated):
                self._invocations.begin(
                    self._records.enter(records, worker=worker, moment=moment),
                    worker=worker,
                    request_id=request_id,
                    repeated=repeated,
                    moment=moment,
                )
            case EventHandedOver(worker=worker, request_id=request_id, event=event, repeated=repeated):
                self._invocations.begin(
                    self._records.enter_event(event, worker=worker, request_id=request_id, moment=moment),
                    worker=worker,
                    request_id=request_id,
                    repeated=repeated,
                    moment=moment,
                )
            case Ended():
                self._invocations.end(happening, moment=moment)
            case Printed():
                self._invocations.line(happening, moment=moment)
            case Called(trace=trace):
                self._invocations.caused(effects_of(happening), trace=trace, moment=moment)
            case Waiting(until=until, why=why):
                self._step(happening, "waits", moment, until=until, detail=why)
            case Split(sizes=sizes):
                self._step(happening, "split", moment, detail=" + ".join(map(str, sizes)))
            case Deleted():
                self._step(happening, "deleted", moment)
            case GivenUp(condition=condition, letter=letter, to=to):
                detail = f"{condition} → {to}" if to else condition
                self._step(happening, "given up", moment, detail=detail, letter=letter or None)
            case _:
                self._write_other(moment, happening)

    def _write_other(self, moment: Moment, happening: Happening) -> None:
        """Write what is of no single record."""
        match happening:
            case Checkpointed(worker=worker, shard=shard, sequence=sequence):
                self._waiting.add("checkpoints", (worker, shard, *moment, sequence))
            case SentBack(letter=letter, worker=worker, things=things):
                self._waiting.add("sent_back", *((*moment, letter, worker, thing) for thing in things))
            case Renamed(before=before, now=now):
                self._waiting.settle()
                self._db.execute("UPDATE caused SET thing = ? WHERE thing = ?", (now, before))
            case Struck():
                self._invocations.struck(happening, moment=moment)

    def _step(  # noqa: PLR0913 - what a row says
        self,
        of: Waiting | Split | Deleted | GivenUp,
        kind: str,
        moment: Moment,
        *,
        until: float | None = None,
        detail: str | None = None,
        letter: str | None = None,
    ) -> None:
        """Enter a step of each record that a happening is of."""
        rows = self._rows(of.records, of.worker)
        self._waiting.add("steps", *((row, *moment, kind, until, detail, letter) for row in rows))

    def _rows(self, records: Sequence[StagedRecord] | str, worker: str) -> list[int]:
        """Find the rows of records, or of the event that was handed over under a request id."""
        if isinstance(records, str):
            return self._invocations.records_of(records)
        return self._records.rows(records, worker=worker)
