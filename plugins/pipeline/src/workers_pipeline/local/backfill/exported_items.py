"""A line of an export to a change as Kinesis carries it: with the same id, place and time each time."""

from __future__ import annotations

import re
from binascii import b2a_base64
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from workers_pipeline.delivering import deliver_changes
from workers_pipeline.local.backfill.batches import Unread
from workers_pipeline.local.backfill.lines import Line  # noqa: TC001 - beside the others
from workers_pipeline.local.backfill.moments import CALENDAR_MS

BESIDE_DATA_BYTES: Final = 1_200
"""What a record's JSON has beside its data, at most."""

_DIGITS: Final = 12
_UNUSUAL: Final = re.compile(r"[^\w.-]+", re.ASCII)
_STREAM: Final = deliver_changes.declaration.sources[0].name
_CHANGE: Final = (
    b'{"awsRegion":%b,"eventID":%b,"eventName":%b,"recordFormat":"application/json","tableName":%b,'
    b'"dynamodb":{"ApproximateCreationDateTime":%d,"ApproximateCreationDateTimePrecision":"MILLISECOND"%b},'
    b'"eventSource":"aws:dynamodb"}'
)


class _Metadata(Struct):
    written_us: Any = msgspec.field(name="WriteTimestampMicros", default=None)


class _Line(Struct):
    item: Raw | UnsetType = msgspec.field(name="Item", default=UNSET)
    metadata: _Metadata | None = msgspec.field(name="Metadata", default=None)
    keys: Raw | UnsetType = msgspec.field(name="Keys", default=UNSET)
    new: Raw | UnsetType = msgspec.field(name="NewImage", default=UNSET)
    old: Raw | UnsetType = msgspec.field(name="OldImage", default=UNSET)


class _Keys(Struct):
    pk: Raw = msgspec.field(name="PK")
    sk: Raw = msgspec.field(name="SK")


class _Change(Struct):
    name: str
    at_ms: int
    keys: bytes
    new: bytes
    old: bytes = b""


_line: Final = msgspec.json.Decoder(_Line).decode
_keys: Final = msgspec.json.Decoder(_Keys).decode


class ExportedFile(Struct, frozen=True, kw_only=True):
    """The file whose lines become changes; ``taken_at_ms`` is the moment that a full export shows."""

    export_id: str
    name: str
    table: str
    region: str
    account: str
    taken_at_ms: int | None = None

    @property
    def shard(self) -> str:
        """What stands for a shard in the names of delivered files and in the ids of changes."""
        name = self.name.removesuffix(".gz").removesuffix(".json")
        return _UNUSUAL.sub("_", f"export-{self.export_id}-{name}")

    def record(self, line: Line) -> dict[str, Any] | Unread:
        """Carry a line's change: its sequence number is the line's, its id shard and line."""
        try:
            read = _line(line.text)
        except (ValueError, RecursionError) as error:
            return _unread(line, "NO_JSON", str(error))
        change = _full(read, self.taken_at_ms) if _held(read.item) else _incremental(read)
        if isinstance(change, _Change):
            return self._carried(change, line)
        return _unread(line, *change)

    def _carried(self, change: _Change, line: Line) -> dict[str, Any]:
        sequence = f"{line.number:0{_DIGITS}}"
        change_id = f"{self.shard}:{sequence}"
        held = ((b"Keys", change.keys), (b"NewImage", change.new), (b"OldImage", change.old))
        images = b"".join(b',"%b":%b' % each for each in held if each[1])
        texts = (msgspec.json.encode(each) for each in (self.region, change_id, change.name, self.table))
        data = _CHANGE % (*texts, change.at_ms, images)
        return {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": change_id,
                "sequenceNumber": sequence,
                "data": b2a_base64(data, newline=False).decode("ascii"),
                "approximateArrivalTimestamp": change.at_ms / 1000,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": change_id,
            "eventName": "aws:kinesis:record",
            "awsRegion": self.region,
            "eventSourceARN": f"arn:aws:kinesis:{self.region}:{self.account}:stream/{_STREAM}",
        }


def _full(read: _Line, taken_at_ms: int | None) -> _Change | tuple[str, str]:
    """Read an item as it was when the export shows it; else a code, and why."""
    if taken_at_ms is None:
        return "NO_TIME", "manifest-summary.json has no exportTime"
    item = _held(read.item)
    return _Change("INSERT", taken_at_ms, _keys_in(item), new=item)


def _incremental(read: _Line) -> _Change | tuple[str, str]:
    """Read what became of an item in the export's time; else a code, and why."""
    keys, new, old = _held(read.keys), _held(read.new), _held(read.old)
    if read.metadata is None and not (keys or new or old):
        return "NO_ITEM", "it has neither an Item nor the images of a change"
    if not (new or old):
        return "NO_IMAGE", "exports of the view NEW_AND_OLD_IMAGES alone have the images of removed items"
    written_ms = _written_ms(read.metadata)
    if written_ms is None:
        return "NO_TIME", "its Metadata has no WriteTimestampMicros that is a time"
    name = "REMOVE" if not new else "MODIFY" if old else "INSERT"
    return _Change(name, written_ms, keys, new=new, old=old)


def _unread(line: Line, code: str, why: str) -> Unread:
    return Unread(line.number, code, why, text=line.text)


def _held(raw: Raw | UnsetType) -> bytes:
    """Return what is there, nothing for null."""
    held = b"" if raw is UNSET else bytes(raw)
    return b"" if held == b"null" else held


def _keys_in(item: bytes) -> bytes:
    """Return the keys of an item; nothing where it has none, which its worker tells better."""
    try:
        found = _keys(item)
    except ValueError:
        return b""
    return b'{"PK":%b,"SK":%b}' % (bytes(found.pk), bytes(found.sk))


def _written_ms(metadata: _Metadata | None) -> int | None:
    """Read when an item was written, ``{"N": "1680109764000000"}``; what is finer than a ms is cut off.

    None where that is no number, or of no calendar.
    """
    stamp = None if metadata is None else metadata.written_us
    if isinstance(stamp, dict):
        stamp = stamp.get("N")
    if not isinstance(stamp, int | str) or isinstance(stamp, bool):
        return None
    try:
        written_ms = int(stamp) // 1000
    except ValueError:
        return None
    return written_ms if written_ms in CALENDAR_MS else None
