"""The rows of records: one for each that a worker's mapping took, however often it comes."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgspec import Struct

from worker_runtime.local.stage.lineage.opened_records import Opened
from worker_runtime.local.stage.lineage.raw_records import event_id, source_of
from worker_runtime.redaction import redact_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from worker_runtime.local.stage.lineage.prints import Prints
    from worker_runtime.local.stage.lineage.waiting_rows import WaitingRows
    from worker_runtime.local.stage.polling.staged_records import StagedRecord

    Key = tuple[str, str, str]  # worker, source, record

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
    opened: Opened

    @property
    def receives(self) -> int | None:
        """How often a queue has handed it out."""
        match self.opened.raw:
            case {"receiptHandle": _, "attributes": {"ApproximateReceiveCount": str(often)}}:
                return int(often) if often.isdecimal() else None
        return None


class RecordRows:
    """Enters records; for one thread."""

    def __init__(self, db: sqlite3.Connection, *, rows: WaitingRows, prints: Prints, redacted: bool) -> None:
        self._db = db
        self._rows = rows
        self._prints = prints
        self._redacted = redacted
        self._known: dict[Key, int] = {}

    def enter(self, records: Sequence[StagedRecord], *, worker: str, moment: Moment) -> list[Entry]:
        """Enter records that pollers took, unless they are known."""
        return self._entries(
            [(worker, source_of(record.raw), record.id) for record in records],
            [Opened(record.raw) for record in records],
            sizes=[len(record.json) for record in records],
            moment=moment,
        )

    def enter_event(self, event: bytes, *, worker: str, request_id: str, moment: Moment) -> list[Entry]:
        """Enter what an event brings: its records, else the event itself."""
        raws = _raws(event)
        return self._entries(
            [(worker, source_of(raw), event_id(raw, otherwise=request_id)) for raw in raws],
            [Opened(raw) for raw in raws],
            sizes=[len(event) // len(raws) for _ in raws],
            moment=moment,
        )

    def rows(self, records: Sequence[StagedRecord], *, worker: str) -> list[int]:
        """Find the rows of records that were entered before."""
        keys = [(worker, source_of(record.raw), record.id) for record in records]
        found = (self._known.get(key) or self._stored(key) for key in keys)
        return [row for row in found if row is not None]

    def refuse(self, row: int, why: str) -> None:
        """Say why no filter took a record."""
        self._db.execute("UPDATE records SET refused = ? WHERE id = ?", (why, row))

    def _entries(
        self, keys: Sequence[Key], opened: Sequence[Opened], *, sizes: Sequence[int], moment: Moment
    ) -> list[Entry]:
        unknown = {
            key: (*moment, size, *self._said(each))
            for key, each, size in zip(keys, opened, sizes, strict=True)
            if key not in self._known
        }
        if unknown:
            self._insert(unknown)
        entries = [
            Entry(self._known[key], key[2], key[1], each) for key, each in zip(keys, opened, strict=True)
        ]
        self._forget_oldest()
        return entries

    def _insert(self, unknown: Mapping[Key, tuple[Any, ...]]) -> None:
        """Write records that are not known; some may be of an earlier stage, or long ago."""
        rows = [(self._rows.new_id("records"), *key, *said) for key, said in unknown.items()]
        new = self._rows.write("records", rows)
        for key, (row, *_) in zip(unknown, rows, strict=True):
            stored = row if new == len(rows) else self._stored(key)
            assert stored is not None  # noqa: S101 - it was written, or what stood in the way is there
            self._known[key] = stored

    def _said(self, opened: Opened) -> tuple[Any, ...]:
        """Tell what the columns from the correlation id on say of a record."""
        correlation, item = opened.correlation, opened.item
        if correlation and self._redacted:
            correlation = redact_text(correlation)
        of_item = (
            (None, None, None)
            if item is None
            else (item.table, item.key, self._prints.of_change(item.change))
        )
        return correlation, opened.shown(redacted=self._redacted), *of_item

    def _stored(self, key: Key) -> int | None:
        found = self._db.execute(
            "SELECT id FROM records WHERE worker = ? AND source = ? AND record = ?", key
        ).fetchone()
        return None if found is None else int(found[0])

    def _forget_oldest(self) -> None:
        if len(self._known) > _KNOWN:
            for key in list(islice(self._known, _KNOWN // 2)):
                del self._known[key]


def _raws(event: bytes) -> list[dict[str, Any]]:
    """List the records that an event brings; an event that brings none is its own."""
    try:
        read = json.loads(event)
    except (ValueError, RecursionError):
        read = {}
    listed = read.get("Records") if isinstance(read, dict) else None
    raws = listed if isinstance(listed, list) else [read]
    return [each if isinstance(each, dict) else {"event": each} for each in raws]
