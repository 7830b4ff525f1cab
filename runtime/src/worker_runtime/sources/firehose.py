"""Firehose transformations: data in, the data to deliver out; every record is answered, none twice."""

from __future__ import annotations

import logging
from binascii import b2a_base64
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct, convert

from worker_runtime.decoding import json_decoder
from worker_runtime.errors import BatchFailed, DeclarationError, ReplyRefused
from worker_runtime.outcomes import Done, Failed, Family, Outcome, Skipped
from worker_runtime.replies import REPLY_BYTES, check_size
from worker_runtime.sources import another_shape, check_names, check_range
from worker_runtime.sources.answering import AnsweringSource, fitting
from worker_runtime.sources.asynchronous import plain
from worker_runtime.sources.firehose_record import FirehoseRecord, data_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.records import Record
    from worker_runtime.sources import Shape

TIMEOUT_MAX_S: Final = 300  # Firehose developer guide: a transformation runs for up to 5 minutes
BUFFER_MB: Final = (0.2, 3.0)  # ProcessorParameter, BufferSizeInMBs
INTERVAL_S: Final = (0, 900)  # ProcessorParameter, BufferIntervalInSeconds
RETRIES: Final = (0, 300)  # ProcessorParameter, NumberOfRetries
OK, DROPPED, FAILED = "Ok", "Dropped", "ProcessingFailed"

_ANSWERS_BYTES: Final = REPLY_BYTES - len('{"records": }')
_SHAPES: Final[frozenset[Shape]] = frozenset(("each", "record"))

_log = logging.getLogger(__name__)


class Transformed(Struct, frozen=True):
    """What a worker returns to say where its data is to go: the keys of dynamic partitioning."""

    data: Any
    partition_keys: dict[str, str]


class Buffer(AnsweringSource, frozen=True, kw_only=True, rename="camel"):
    """How much Firehose gathers for one invocation, and how often it tries a failed one again."""

    buffer_mb: float = 1.0
    interval_s: int = 60
    retries: int = 3


class Firehose(Buffer, frozen=True, rename="camel"):
    """Transform what goes through a delivery stream, named without its environment.

    The data is JSON unless the worker takes ``bytes`` or ``str``. What it returns is delivered: ``bytes``
    and ``str`` as they are, all else as JSON; nothing, and the data stays as it was. A Skip drops the
    record; what fails goes to the stream's error output as it came. A Halt fails the invocation.
    """

    stream: str

    @property
    def kind(self) -> str:
        """``firehose``."""
        return "firehose"

    @property
    def name(self) -> str:
        """The delivery stream's logical name."""
        return self.stream

    @property
    def family(self) -> Family:
        """Every record is answered."""
        return Family.FIREHOSE

    @property
    def shapes(self) -> frozenset[Shape]:
        """Each record becomes another one, so none is taken by the batch."""
        return _SHAPES

    def check(self, *, worker: str, timeout_s: float) -> None:
        """Refuse settings that AWS refuses."""
        who = f"{worker}: Firehose({self.stream!r})"
        check_names(who, stream=self.stream)
        check_range(f"{who} interval_s", self.interval_s, *INTERVAL_S)
        check_range(f"{who} retries", self.retries, *RETRIES)
        size: Any = self.buffer_mb
        if type(size) not in (int, float) or not BUFFER_MB[0] <= size <= BUFFER_MB[1]:
            raise DeclarationError(
                f"{who} buffer_mb is {size!r}; AWS takes {BUFFER_MB[0]} to {BUFFER_MB[1]}."
            )
        if timeout_s > TIMEOUT_MAX_S:
            raise DeclarationError(
                f"{who}: Firehose waits {TIMEOUT_MAX_S} s for a function, not {timeout_s}; lower timeout_s."
            )

    def recognises(self, event: Any) -> bool:
        """Whether the event is a batch of a delivery stream."""
        return (
            isinstance(event, dict)
            and "deliveryStreamArn" in event
            and isinstance(event.get("records"), list)
        )

    def owns(self, event: Any) -> bool:
        """Whether the event names this very delivery stream."""
        return str(event["deliveryStreamArn"]).endswith(self.stream)

    def records(self, event: Any) -> list[Record[Any]]:
        """One record each; nothing inside is parsed yet."""
        try:
            ids = [raw["recordId"] for raw in event["records"]]
        except (KeyError, TypeError) as error:
            raise BatchFailed("a record has no recordId, so it could not be answered") from error
        if not all(isinstance(each, str) and each for each in ids):
            raise BatchFailed("a record's recordId is no text, so it could not be answered")
        return [FirehoseRecord(each, None, raw) for each, raw in zip(ids, event["records"], strict=True)]

    def decoder(self, model: Any) -> Callable[[Record[Any]], Any]:
        """Decode the data, which is JSON unless the worker takes ``bytes`` or ``str``."""
        decode = json_decoder(model)
        return lambda record: decode(data_of(record.raw))

    def reply(self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> Any:
        """Answer every record, in order; a Halt is raised. What has grown too large fails alone."""
        for outcome in outcomes:
            if isinstance(outcome, Failed) and outcome.halted:
                raise outcome.error
        answers = [_answer(*each) for each in zip(records, outcomes, strict=True)]
        try:
            check_size({"records": answers})
        except ReplyRefused as error:
            cure = f"lower buffer_mb, which is {self.buffer_mb}"
            for at in fitting(
                answers, limit=_ANSWERS_BYTES, instead=lambda at: _unchanged(records[at], FAILED)
            ):
                _log.warning("record %s cannot be delivered: %s; %s", records[at].id, error, cure)
        return {"records": answers}

    def check_reply(self, reply: Any, *, worded: Any, records: Sequence[Record[Any]]) -> None:  # noqa: ARG002 - it may be another
        """Let middleware change data and results, but answer each record, and each once."""
        if _answered(reply) != [record.id for record in records]:
            raise ReplyRefused(
                "middleware answers other records than those of the batch, or in another order."
            )

    def describe(self, *, timeout_s: int) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """Its settings as plain data, for the manifest."""
        return {"kind": self.kind, "name": self.name, **msgspec.to_builtins(self)}


def _answer(record: Record[Any], outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Done(value=value):
            return _delivered(record, value)
        case Skipped():
            return _unchanged(record, DROPPED)
        case _:
            return _unchanged(record, FAILED)


def _delivered(record: Record[Any], value: Any) -> dict[str, Any]:
    """Answer with what a worker returned; what has no form in JSON fails alone."""
    moved = value if isinstance(value, Transformed) else Transformed(value, {})
    answer = _unchanged(record, OK)
    try:
        keys = convert(moved.partition_keys, dict[str, str])
        msgspec.json.encode(keys)  # a lone surrogate is no text
        if moved.data is not None:
            answer["data"] = b2a_base64(_encoded(moved.data), newline=False).decode()
    except (ReplyRefused, ValueError) as error:
        _log.warning("record %s cannot be delivered: %s", record.id, error)
        return _unchanged(record, FAILED)
    return {**answer, "metadata": {"partitionKeys": keys}} if keys else answer


def _encoded(data: Any) -> bytes:
    if isinstance(data, bytes):
        return data
    return data.encode() if isinstance(data, str) else msgspec.json.encode(plain(data))


def _unchanged(record: Record[Any], result: str) -> dict[str, Any]:
    """Answer with the data as it came, as far as it came with any."""
    answer = {"recordId": record.id, "result": result}
    data = record.raw.get("data")
    return {**answer, "data": data} if isinstance(data, str) and data.isascii() else answer


def _answered(reply: Any) -> list[str]:
    """Read the ids that a reply answers; what Firehose would take for a failure is refused."""
    match reply:
        case {"records": [*answers]}:
            ids = [_answered_id(answer) for answer in answers]
            named = [each for each in ids if each is not None]
            if len({*named}) == len(ids):
                return named
    raise another_shape(reply, "records with recordId, result and data")


def _answered_id(answer: Any) -> str | None:
    match answer:
        case {"recordId": str(name), "result": "Dropped" | "ProcessingFailed"}:
            return name
        case {"recordId": str(name), "result": "Ok", "data": str()}:
            return name
    return None
