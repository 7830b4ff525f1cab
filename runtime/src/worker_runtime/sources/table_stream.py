"""Changes of a table, from DynamoDB Streams or carried by Kinesis: one ``Change`` either way."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from worker_runtime.errors import BatchFailed, DeclarationError, Reject
from worker_runtime.grants import Grant, spills
from worker_runtime.outcomes import Family, Outcome
from worker_runtime.records import Change, EventName, Record, T, carried_id, moment
from worker_runtime.sources import admitted, check_names, check_patterns, check_range, outer_records
from worker_runtime.sources.streams import stream_effects, stream_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from worker_runtime.effects import Effect

BATCH_MAX: Final = 10_000  # CreateEventSourceMapping, BatchSize of a stream
WINDOW_MAX_S: Final = 300
LANES_MAX: Final = 10  # ParallelizationFactor
RETRIES: Final = (-1, 10_000)  # MaximumRetryAttempts; -1 until the record is too old
AGE_S: Final = (60, 604_800)  # MaximumRecordAgeInSeconds; -1 until the stream forgets
DYNAMODB_READ: Final = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
KINESIS_READ: Final = (
    "DescribeStream",
    "DescribeStreamSummary",
    "GetRecords",
    "GetShardIterator",
    "ListShards",
    "ListStreams",
    "SubscribeToShard",
)

Start = Literal["LATEST", "TRIM_HORIZON"]
OnFailure = Literal["stop", "continue"]


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


class CarriedRecord(Record[T], frozen=True):
    """A change that a Kinesis stream carries; ``id`` is the outer record's sequence number."""

    @property
    def lane(self) -> str:
        """The partition key, which the table's keys decide."""
        return str(self.raw["kinesis"].get("partitionKey", ""))

    @property
    def sent_at(self) -> datetime | None:
        """When it arrived in the stream, in UTC."""
        return moment(self.raw["kinesis"].get("approximateArrivalTimestamp"))

    @property
    def correlation_id(self) -> str:
        """The item's ``correlationId``, else the sequence number; a poison record has only the latter."""
        try:
            return _correlation(_opened(self.raw)) or self.id
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


def _opened(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Read the change inside a Kinesis record."""
    try:
        change = msgspec.json.decode(b64decode(raw["kinesis"]["data"], validate=True))
    except ValueError as error:
        raise Reject("UNDECODABLE", f"Kinesis data is not base64 JSON: {error}") from error
    if not isinstance(change, dict) or not {"tableName", "recordFormat", "dynamodb"} <= change.keys():
        raise Reject("NOT_A_CHANGE", "Kinesis data lacks tableName, recordFormat or dynamodb")
    return change


class TableStream(Struct, frozen=True, rename="camel"):
    """Take the changes of a table, named without its environment.

    With ``kinesis`` they are carried by the Kinesis stream of that logical name, else they come from
    the table's own stream; worker and ``filters`` (event patterns of the change itself) are the same.
    Rejected changes, and what Lambda gives up after ``retries`` or ``max_age_s``, go to
    ``dead_letters``. ``on_failure="continue"`` goes on with other items past a failed one.
    """

    table: str
    kinesis: str | None = None
    batch_size: int = 100
    window_s: int = 0
    parallelization: int = 1
    start: Start = "LATEST"
    bisect: bool = True
    retries: int = 3
    max_age_s: int = -1
    on_failure: OnFailure = "stop"
    dead_letters: str | None = None
    spill_bucket: str | None = None
    enhanced_fan_out: bool = False
    filters: tuple[Any, ...] = ()

    @property
    def kind(self) -> str:
        """``table_stream``, whichever way the changes come."""
        return "table_stream"

    @property
    def name(self) -> str:
        """The logical name of what is polled: the Kinesis stream, else the table."""
        return self.kinesis or self.table

    @property
    def family(self) -> Family:
        """Streams keep a checkpoint."""
        return Family.STREAM

    @property
    def ordered(self) -> bool:
        """Changes of one item keep their order."""
        return True

    @property
    def stops(self) -> bool:
        """The checkpoint repeats all that follows a failed change, so nothing more need start."""
        return self.on_failure == "stop"

    def check(self, *, worker: str, timeout_s: float) -> None:  # noqa: ARG002 - a stream has no visibility
        """Refuse settings that AWS refuses, or that lose changes."""
        who = f"{worker}: TableStream({self.table!r})"
        check_names(who, table=self.table, kinesis=self.kinesis)
        check_names(who, dead_letters=self.dead_letters, spill_bucket=self.spill_bucket)
        check_range(f"{who} batch_size", self.batch_size, 1, BATCH_MAX)
        check_range(f"{who} window_s", self.window_s, 0, WINDOW_MAX_S)
        check_range(f"{who} parallelization", self.parallelization, 1, LANES_MAX)
        check_range(f"{who} retries", self.retries, *RETRIES)
        if self.max_age_s != -1:
            check_range(f"{who} max_age_s", self.max_age_s, *AGE_S)
        if self.dead_letters is None:
            raise DeclarationError(
                f"{who} has no dead_letters; a rejected change would be lost. Name a queue."
            )
        if self.dead_letters.endswith(".fifo"):
            raise DeclarationError(
                f"{who} dead_letters is FIFO; a stream's on-failure destination cannot be."
            )
        for what, value, known in (("start", self.start, Start), ("on_failure", self.on_failure, OnFailure)):
            if value not in get_args(known):
                raise DeclarationError(f"{who} {what} is {value!r}; say one of {get_args(known)}.")
        if self.enhanced_fan_out and self.kinesis is None:
            raise DeclarationError(f"{who} enhanced_fan_out is Kinesis's; name the stream with kinesis=.")
        check_patterns(self.filters, data_key="dynamodb")

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
        from worker_runtime.images import compile_image_decoder  # noqa: PLC0415 - only table workers pay

        decode = compile_image_decoder(get_args(model)[0])

        def change(record: Record[Any]) -> Change[Any]:
            raw = record.raw if "dynamodb" in record.raw else _opened(record.raw)
            wire = raw["dynamodb"]
            image = wire.get("NewImage")
            if not (image is None or isinstance(image, dict)):
                raise Reject("NOT_A_CHANGE", f"NewImage is a {type(image).__name__}")
            return Change(
                id=raw["eventID"],
                name=_event_name(raw["eventName"]),
                table=raw.get("tableName") or raw["eventSourceARN"].split("/")[1],
                new=None if image is None else decode(image),
                wire=wire,
                decode=decode,
            )

        return change

    def admit(self, record: Record[Any], outcome: Outcome) -> Outcome:  # noqa: ARG002 - streams carry no counts
        """Turn a deferral into a Retry: a stream cannot put one record off."""
        return admitted(self.family, outcome, dead_letters=self.dead_letters)

    def effects(
        self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome], *, worker: str
    ) -> list[Effect]:
        """Dead letters of rejected changes that the reply acknowledges."""
        return stream_effects(self, records, outcomes, worker=worker)

    def reply(self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> Any:
        """Name the checkpoint, or raise where it would be no progress."""
        return stream_reply(records, outcomes)

    def grants(self) -> tuple[Grant, ...]:
        """Read the stream; send dead letters."""
        assert self.dead_letters is not None  # noqa: S101 - check() saw to it
        actions = (
            [f"kinesis:{a}" for a in KINESIS_READ]
            if self.kinesis
            else [f"dynamodb:{a}" for a in DYNAMODB_READ]
        )
        stream = Grant("stream", self.name, tuple(actions))
        letters = Grant("queue", self.dead_letters, ("sqs:SendMessage",))
        return (stream, letters, *spills(self.spill_bucket))

    def describe(self, *, timeout_s: int) -> dict[str, Any]:  # noqa: ARG002 - a stream has no visibility
        """Its settings as plain data, for the manifest; Kinesis has the change under the key ``data``."""
        filters = tuple({"data": pattern} for pattern in self.filters) if self.kinesis else self.filters
        settings = msgspec.to_builtins(replace(self, filters=filters))
        return {"kind": self.kind, "name": self.name, "reports": "batchItemFailures", **settings}


def _event_name(name: Any) -> EventName:
    if name not in get_args(EventName):
        raise Reject("NOT_A_CHANGE", f"eventName is {name!r}")
    return name  # type: ignore[no-any-return]  # a member of the Literal, as checked
