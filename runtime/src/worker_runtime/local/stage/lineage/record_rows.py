"""The rows of records: one for each that a worker's mapping took, however often it comes."""

from __future__ import annotations

import json
from collections import OrderedDict
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

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from worker_runtime.local.stage.lineage.raw_records import Item
    from worker_runtime.local.stage.polling.staged_records import StagedRecord

_KNOWN: Final = 20_000  # rows that are found without a query; 5 MB at most


class Moment(NamedTuple):
    """When something happened, on the stage's clock and on the machine's, in epoch seconds."""

    at: float
    wall: float


class Entry(Struct, frozen=True):
    """A record's row, and what a call that was made for the record may say of it."""

    row: int
    id: str
    source: str
    text: str
    correlation: str | None
    receives: int | None
    item: str = ""  # of a table change: its key's values


class RecordRows:
    """Enters records; for one thread."""

    def __init__(self, db: sqlite3.Connection, *, redacted: bool) -> None:
        self._db = db
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
        source, text = source_of(raw), text_of(raw)
        correlation = correlation_of(raw, text=text)
        item = item_of(raw, text=text)
        key = (worker, source, record_id)
        row = self._known.get(key)
        if row is None:
            body = shown(text, redacted=self._redacted)
            row = self._insert(key, (*moment, size, correlation, body), item)
            self._known[key] = row
            if len(self._known) > _KNOWN:
                self._known.popitem(last=False)
        receives = raw.get("attributes", {}).get("ApproximateReceiveCount") if "messageId" in raw else None
        return Entry(
            row,
            record_id,
            source,
            text,
            correlation,
            None if receives is None else int(receives),
            "" if item is None else item.key,
        )

    def _insert(self, key: tuple[str, str, str], told: tuple[Any, ...], item: Item | None) -> int:
        changed = (None, None, None) if item is None else (item.table, item.key, item.prints)
        inserted = self._db.execute(
            "INSERT INTO records (worker, source, record, at, wall, bytes, correlation, body,"
            " item_table, item, prints) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING RETURNING id",
            (*key, *told, *changed),
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
