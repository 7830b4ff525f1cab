"""The rows of records: one for each that a worker's mapping took, however often it comes."""

from __future__ import annotations

import json
from collections import OrderedDict
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgspec import Struct

from worker_runtime.local.stage.lineage.raw_records import (
    correlation_of,
    event_id,
    item_of,
    shown,
    source_of,
    text_of,
)
from worker_runtime.redaction import redact_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from worker_runtime.local.stage.lineage.prints import Prints
    from worker_runtime.local.stage.polling.staged_records import StagedRecord

_KNOWN: Final = 20_000  # rows that are found without a query; 5 MB at most


class Moment(NamedTuple):
    """When something happened, on the stage's clock and on the machine's, in epoch seconds."""

    at: float
    wall: float


class Entry(Struct, frozen=True, dict=True):
    """A record's row, and what a call that was made for the record may say of it, read where it is asked."""

    row: int
    id: str
    source: str
    raw: Mapping[str, Any]

    @cached_property
    def text(self) -> str:
        """What it carries, as text."""
        return text_of(self.raw)

    @cached_property
    def correlation(self) -> str | None:
        """The correlation id that its sender gave it."""
        return correlation_of(self.raw, text=self.text)

    @cached_property
    def item(self) -> str:
        """Of a table change: its key's values."""
        item = item_of(self.raw, text=self.text)
        return "" if item is None else item.key

    @property
    def receives(self) -> int | None:
        """How often a queue has handed it out."""
        received = self.raw["attributes"]["ApproximateReceiveCount"] if "receiptHandle" in self.raw else None
        return None if received is None else int(received)


class RecordRows:
    """Enters records; for one thread."""

    def __init__(self, db: sqlite3.Connection, *, prints: Prints, redacted: bool) -> None:
        self._db = db
        self._prints = prints
        self._redacted = redacted
        self._known: OrderedDict[tuple[str, str, str], int] = OrderedDict()

    def enter(self, records: Sequence[StagedRecord], *, worker: str, moment: Moment) -> list[Entry]:
        """Enter records that pollers took, unless they are known."""
        return [
            self._entry(worker, record.id, record.raw, size=len(record.json), moment=moment)
            for record in records
        ]

    def enter_event(self, event: bytes, *, worker: str, request_id: str, moment: Moment) -> list[Entry]:
        """Enter what an event brings: its records, else the event itself."""
        try:
            read = json.loads(event)
        except (ValueError, RecursionError):
            read = {}
        listed = read.get("Records") if isinstance(read, dict) else None
        raws = listed if isinstance(listed, list) else [read]
        size = len(event) // max(len(raws), 1)
        return [
            self._entry(worker, event_id(raw, otherwise=request_id), raw, size=size, moment=moment)
            for raw in (each if isinstance(each, dict) else {"event": each} for each in raws)
        ]

    def rows(self, records: Sequence[StagedRecord], *, worker: str) -> list[int]:
        """Find the rows of records that were entered before."""
        found = (self._known.get((worker, source_of(record.raw), record.id)) for record in records)
        looked_up = (
            row or self._stored(worker, source_of(record.raw), record.id)
            for row, record in zip(found, records, strict=True)
        )
        return [row for row in looked_up if row is not None]

    def refuse(self, row: int, why: str) -> None:
        """Say why no filter took a record."""
        self._db.execute("UPDATE records SET refused = ? WHERE id = ?", (why, row))

    def _entry(
        self, worker: str, record_id: str, raw: Mapping[str, Any], *, size: int, moment: Moment
    ) -> Entry:
        key = (worker, source_of(raw), record_id)
        row = self._known.get(key)
        if row is None:
            row = self._known[key] = self._insert(key, raw, size=size, moment=moment)
            if len(self._known) > _KNOWN:
                self._known.popitem(last=False)
        return Entry(row, record_id, key[1], raw)

    def _insert(self, key: tuple[str, str, str], raw: Mapping[str, Any], *, size: int, moment: Moment) -> int:
        text = text_of(raw)
        item = item_of(raw, text=text)
        correlation = correlation_of(raw, text=text)
        inserted = self._db.execute(
            "INSERT INTO records (worker, source, record, at, wall, bytes, correlation, body,"
            " item_table, item, prints) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING RETURNING id",
            (
                *key,
                *moment,
                size,
                redact_text(correlation) if correlation and self._redacted else correlation,
                shown(raw, text=text, redacted=self._redacted),
                *(
                    (None, None, None)
                    if item is None
                    else (item.table, item.key, self._prints.of_change(item.change))
                ),
            ),
        ).fetchone()
        if inserted is not None:
            return int(inserted[0])
        stored = self._stored(*key)
        assert stored is not None  # noqa: S101 - it is what stood in the way
        return stored

    def _stored(self, worker: str, source: str, record_id: str) -> int | None:
        found = self._db.execute(
            "SELECT id FROM records WHERE worker = ? AND source = ? AND record = ?",
            (worker, source, record_id),
        ).fetchone()
        return None if found is None else int(found[0])
