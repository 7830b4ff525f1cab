"""Changes of a table, from DynamoDB Streams or carried by Kinesis: one ``Change`` either way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from msgspec import Raw

from worker_runtime.errors import BatchFailed, DeclarationError, Reject
from worker_runtime.records import Change, EventName, Record, T, carried_id, moment
from worker_runtime.sources import check_names, outer_records
from worker_runtime.sources.carried_change import change_opener, opened, reading, typed_image
from worker_runtime.sources.kinesis_record import KinesisRecord
from worker_runtime.sources.streams import DYNAMODB_READ, KINESIS_READ, StreamSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


_EVENT_NAMES: Final = get_args(EventName)
_IMAGES: Final = {dict, Raw}


class TableRecord(Record[T], frozen=True):
    """A change straight from the table's own stream; ``id`` is its sequence number."""

    @property
    def lane(self) -> str:
        """The keys of the changed item."""
        keys = self.raw["dynamodb"].get("Keys")
        return str(sorted(keys.items()) if isinstance(keys, dict) else keys)

    @property
    def sent_at(self) -> datetime | None:
        """About when the change was made, in UTC."""
        return moment(self.raw["dynamodb"].get("ApproximateCreationDateTime"))

    @property
    def correlation_id(self) -> str:
        """The item's ``correlationId``, else the sequence number."""
        return _correlation(self.raw) or self.id


class CarriedRecord(KinesisRecord[T], frozen=True):
    """A change that a Kinesis stream carries; ``id`` is the outer record's sequence number.

    Its lane is the partition key, which the table's keys decide.
    """

    @property
    def correlation_id(self) -> str:
        """The item's ``correlationId``, else the sequence number; a poison record has only the latter."""
        try:
            return _correlation(opened(self.raw)) or self.id
        except (Reject, RecursionError):
            return self.id


def _correlation(change: Mapping[str, Any]) -> str | None:
    """Find an item's correlation id in its images, which anybody may have written."""
    found: Any = change["dynamodb"]
    images = [found.get("NewImage"), found.get("OldImage")] if isinstance(found, dict) else []
    for image in images:
        named = image.get("correlationId") if isinstance(image, dict) else None
        if isinstance(named, dict) and (usable := carried_id(named.get("S"))):
            return usable
    return None


class TableStream(StreamSource, frozen=True, rename="camel"):
    """Take the changes of a table, named without its environment.

    With ``kinesis`` they are carried by the Kinesis stream of that logical name, else they come from
    the table's own stream; worker and ``filters`` (event patterns of the change itself) are the same.
    The changes of one item keep their order.
    """

    table: str
    kinesis: str | None = None

    @property
    def kind(self) -> str:
        """``table_stream``, whichever way the changes come."""
        return "table_stream"

    @property
    def name(self) -> str:
        """The logical name of what is polled: the Kinesis stream, else the table."""
        return self.kinesis or self.table

    @property
    def reads(self) -> tuple[str, ...]:
        """What reading takes of the Kinesis stream, else of the table's own."""
        return KINESIS_READ if self.kinesis else DYNAMODB_READ

    @property
    def data_key(self) -> Literal["data", "dynamodb"]:
        """Kinesis has the change inside its data."""
        return "data" if self.kinesis else "dynamodb"

    @property
    def mapping_filters(self) -> tuple[Any, ...]:
        """Patterns of the change, or of the data that holds it."""
        return tuple({"data": pattern} for pattern in self.filters) if self.kinesis else self.filters

    def check(self, *, worker: str, timeout_s: float) -> None:  # noqa: ARG002 - a stream has no visibility
        """Refuse settings that AWS refuses, or that lose changes."""
        who = f"{worker}: TableStream({self.table!r})"
        check_names(who, table=self.table, kinesis=self.kinesis)
        self.check_settings(who)
        if self.enhanced_fan_out and self.kinesis is None:
            raise DeclarationError(f"{who} enhanced_fan_out is Kinesis's; name the stream with kinesis=.")

    def recognises(self, event: Any) -> bool:
        """Whether the event is a batch of table changes, or of Kinesis records that may carry some."""
        return outer_records(event, "aws:dynamodb", "aws:kinesis")

    def owns(self, event: Any) -> bool:
        """Whether the first record came from this table or stream."""
        arn = str(event["Records"][0].get("eventSourceARN", "")) if event["Records"] else ""
        return f"{self.table}/stream/" in arn or (self.kinesis is not None and arn.endswith(self.kinesis))

    def records(self, event: Any) -> list[Record[Any]]:
        """One record a change; what Kinesis carries is not opened yet."""
        try:
            return [
                TableRecord(raw["dynamodb"]["SequenceNumber"], None, raw)
                if "dynamodb" in raw
                else CarriedRecord(raw["kinesis"]["sequenceNumber"], None, raw)
                for raw in event["Records"]
            ]
        except (KeyError, TypeError) as error:
            raise BatchFailed("a record has no sequence number, so no reply could name it") from error

    def decoder(self, model: Any) -> Callable[[Record[Any]], Any]:
        """Decode a change, its new image as the worker's ``Change[...]`` says."""
        if getattr(model, "__origin__", None) is not Change:
            raise DeclarationError(f"a table stream yields changes, not {model!r}; write Change[YourModel].")
        from worker_runtime import images  # noqa: PLC0415 - only table workers pay

        item = get_args(model)[0]
        decode = images.compile_image_decoder(item)
        image_type = Raw if item is Raw else typed_image(images.attributes_of(item))
        open_change = opened if self.kinesis is None else change_opener(image_type)
        decode_old = decode if self.kinesis is None else reading(image_type, decode)

        known = ("", "")  # the last change's ARN and its table, which are nearly always this one's too

        def change(record: Record[Any]) -> Change[Any]:
            nonlocal known
            raw = record.raw
            if "dynamodb" not in raw:
                raw = open_change(raw)
            wire = raw["dynamodb"]
            image = wire.get("NewImage")
            if not (image is None or type(image) in _IMAGES):
                raise Reject("NOT_A_CHANGE", f"NewImage is a {type(image).__name__}")
            if (name := raw["eventName"]) not in _EVENT_NAMES:
                raise Reject("NOT_A_CHANGE", f"eventName is {name!r}")
            if not (table := raw.get("tableName")):
                last = known  # other lanes may change it meanwhile
                if (arn := raw["eventSourceARN"]) != last[0]:
                    known = last = (arn, arn.split("/", 2)[1])
                table = last[1]
            if type(change_id := raw["eventID"]) is not str or not change_id:
                raise Reject("NOT_A_CHANGE", f"eventID is {change_id!r}")
            return Change(
                id=change_id,
                name=name,
                table=table,
                new=None if image is None else decode(image),
                wire=wire,
                decode=decode_old,
            )

        return change
