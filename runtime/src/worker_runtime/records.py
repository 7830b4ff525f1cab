"""What travels through the runtime: records, batches of them, and table changes."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal, TypeVar, cast

from msgspec import Raw, Struct, json

from worker_runtime.errors import UNDECODABLE, Reject, text_of
from worker_runtime.outcomes import Done, Failed, Outcome, Rejected, Skipped, outcome_of
from worker_runtime.redaction import redact_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

T = TypeVar("T")

CORRELATION_CHARS: Final = 256


def moment(stamp: Any, *, per_second: int = 1) -> datetime | None:
    """Read an epoch stamp as a time in UTC; None where there is none or it is no time."""
    if isinstance(stamp, bool):
        return None
    try:
        return datetime.fromtimestamp(float(stamp) / per_second, tz=UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def moment_of(text: Any) -> datetime | None:
    """Read an ISO 8601 text as a time in UTC, its zone where it names none; None where it is no time."""
    try:
        told = datetime.fromisoformat(text)
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def carried_id(given: Any) -> str | None:
    """Return a correlation id that logs and messages can carry on, else None."""
    if not isinstance(given, str) or not 0 < len(given) <= CORRELATION_CHARS or not given.isprintable():
        return None
    return given if redact_text(given) == given else None  # a person's address is no id


class Record(Struct, Generic[T], frozen=True, gc=False):
    """One record of an event; each source fills in what its records carry.

    ``id`` is what the reply names (message id, sequence number), ``body`` the worker's type once
    decoded, ``raw`` the record as AWS sent it. Nothing that it holds holds it, so the garbage
    collector, which a thousand of them would call, need not know it.
    """

    id: str
    body: T
    raw: Mapping[str, Any]

    @property
    def lane(self) -> str:
        """What keeps order: FIFO group, partition key; empty where nothing does."""
        return ""

    @property
    def attempt(self) -> int | None:
        """How often it has been delivered, this time included; None where the source does not say."""
        return None

    @property
    def sent_at(self) -> datetime | None:
        """When it was sent, in UTC."""
        return None

    @property
    def attributes(self) -> Mapping[str, str]:
        """What its sender put beside the body, as text."""
        return {}

    @property
    def trace_header(self) -> str | None:
        """X-Ray's trace header, where AWS carries one beside the attributes."""
        return None

    @property
    def origin_id(self) -> str:
        """What the service that took it from its sender calls it, whichever way it came; else its own id."""
        return self.id

    @property
    def caller(self) -> str | None:
        """Who asks, by all the names that an API's authorization knows; None where it knows nobody."""
        return None

    @property
    def deferrals(self) -> int:
        """How often it has been put off by a Defer."""
        return 0

    @property
    def correlation_id(self) -> str:
        """What ties it to the work that caused it: its sender's correlation id, else its own id."""
        return self.id


class Batch(Generic[T]):
    """The decoded records of one invocation, each of which may be marked.

    A record that is not marked is done when the worker returns, and a Retry when it raises.
    Marks go by the record itself, since ids may repeat. ``received`` are all records of the event in
    its order, those among them that could not be decoded; none of their bodies is.
    """

    def __init__(
        self, records: Sequence[Record[T]], *, received: Sequence[Record[Any]] | None = None
    ) -> None:
        self._records = records
        self.received: Sequence[Record[Any]] = records if received is None else received
        self._marks: dict[int, Outcome] = {}
        self._known: set[int] = set()  # the records by identity, once one is marked

    def __iter__(self) -> Iterator[Record[T]]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def retry(
        self, record: Record[T], error: Exception | None = None, *, after_s: float | None = None
    ) -> None:
        """Have the record delivered again."""
        self._mark(record, Failed(error or RuntimeError("marked for retry"), after_s))

    def reject(self, record: Record[T], code: str, detail: str = "", *, tell: str = "") -> None:
        """Send the record to the dead letters; a caller who waits reads ``code`` and ``tell``."""
        self._mark(record, Rejected(code, Reject(code, detail, tell=tell)))

    def skip(self, record: Record[T], reason: str) -> None:
        """Count the record as one with nothing to do."""
        self._mark(record, Skipped(reason))

    def answer(self, record: Record[T], value: object) -> None:
        """Give the record a result of its own, for sources that tell one a record."""
        self._mark(record, Done(value))

    def fail(self, record: Record[T], error: Exception) -> None:
        """Mark the record as if a worker of single records had raised ``error``."""
        self._mark(record, outcome_of(error))

    def outcome(self, record: Record[T]) -> Outcome | None:
        """Return the record's mark, if it has one."""
        return self._marks.get(id(record))

    @property
    def is_marked(self) -> bool:
        """Whether any record has a mark."""
        return bool(self._marks)

    def _mark(self, record: Record[T], outcome: Outcome) -> None:
        self._known = self._known or set(map(id, self._records))
        if id(record) not in self._known:
            raise ValueError(f"record {record.id} is not of this batch; mark the records it yields.")
        self._marks[id(record)] = outcome


EventName = Literal["INSERT", "MODIFY", "REMOVE"]

_PER_SECOND = {"SECOND": 1, "MILLISECOND": 1_000, "MICROSECOND": 1_000_000}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_A_MS, _A_US = 100_000_000_000, 100_000_000_000_000
_MAGNITUDES = ((_A_US, 1_000_000), (_A_MS, 1_000), (float("-inf"), 1))  # where no precision is named


class Change(Struct, Generic[T], frozen=True, dict=True):
    """A change of one table item, whichever way it came (DynamoDB Streams, Kinesis).

    ``new`` is decoded before the worker starts; ``old`` when it is first read, where an image
    that does not fit the type is a Reject. Of what Kinesis carried, ``wire`` holds JSON (``Raw``)
    until it is read. ``Change[Raw]`` leaves both images the typed JSON that they are.
    """

    __brought_by__: ClassVar[str] = "TableStream"

    id: str
    name: EventName
    table: str
    new: T | None
    wire: Mapping[str, Any]
    decode: Callable[[Any], T]

    @functools.cached_property
    def old(self) -> T | None:
        """The item before the change; None for an INSERT or where the view leaves it out."""
        image = self.wire.get("OldImage")
        if image is None:
            return None
        try:
            if not isinstance(image, (dict, Raw)):
                raise TypeError(f"it is of type {type(image).__name__}")  # noqa: TRY301 - a Reject like any other
            return self.decode(image)
        except Exception as error:
            raise Reject(UNDECODABLE, f"old image of change {self.id}: {text_of(error)}") from error

    @functools.cached_property
    def keys(self) -> dict[str, Any]:
        """The item's key attributes."""
        from worker_runtime.dynamodb_json import loads_image  # noqa: PLC0415 - only table workers pay

        try:
            keys = self.wire["Keys"]
            return loads_image(json.decode(keys) if isinstance(keys, Raw) else keys)
        except Exception as error:
            raise Reject(UNDECODABLE, f"keys of change {self.id}: {text_of(error)}") from error

    @functools.cached_property
    def created_at(self) -> datetime:
        """About when the change was made, in UTC; order changes by it, never by arrival."""
        stamp = self.wire.get("ApproximateCreationDateTime")
        precision = self.wire.get("ApproximateCreationDateTimePrecision")
        named = _PER_SECOND.get(precision) if isinstance(precision, str) else None
        size = stamp if isinstance(stamp, int | float) else 0
        created = moment(
            stamp, per_second=named or next(unit for floor, unit in _MAGNITUDES if not size < floor)
        )
        if created is None:
            raise Reject(UNDECODABLE, f"change {self.id} says {stamp!r} of when it was made")
        return created

    @property
    def created_at_ms(self) -> int:
        """``created_at`` in whole milliseconds since 1970: what is finer is cut off."""
        stamp = self.wire.get("ApproximateCreationDateTime")
        if type(stamp) is int and _A_MS <= stamp < _A_US:  # as Kinesis mostly has it
            precision = self.wire.get("ApproximateCreationDateTimePrecision")
            if precision is None or precision == "MILLISECOND":
                return stamp
        return (self.created_at - _EPOCH) // _MS

    @property
    def sequence(self) -> str:
        """The change's sequence number in DynamoDB Streams; empty where Kinesis carried it."""
        return cast("str", self.wire.get("SequenceNumber", ""))
