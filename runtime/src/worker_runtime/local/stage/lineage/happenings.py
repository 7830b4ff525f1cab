"""What can happen to records on a stage, as small values that cost nobody anything to make.

A record is known by its worker, its source's ARN and its own id (message id, sequence number); an
invocation by its request id, which the tries of an asynchronous event share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from msgspec import Struct

from worker_runtime.local.stage.polling.event_form import RECORDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker_runtime.filters import Explanation
    from worker_runtime.local.stage.execution.invocations import Report
    from worker_runtime.local.stage.polling.batches import Reading
    from worker_runtime.local.stage.polling.event_form import EventForm
    from worker_runtime.local.stage.polling.staged_records import StagedRecord

    Keys = Mapping[str, tuple[str, ...]]  # a table's key attributes, by its real name


class Received(Struct, frozen=True):
    """A mapping took records from its queue or stream."""

    worker: str
    records: Sequence[StagedRecord]


class Judge(Protocol):
    """Filters of a mapping, or a subscription's policy."""

    def explain(self, raw: Mapping[str, Any], /) -> Explanation:
        """Say why a record is refused."""


class Refused(Struct, frozen=True):
    """None of the mapping's filters takes these records; they say why, when there is time."""

    worker: str
    records: Sequence[StagedRecord]
    filters: Judge


class HandedOver(Struct, frozen=True):
    """An invocation on a batch begins; ``repeated`` where it went well before and comes twice."""

    worker: str
    request_id: str
    records: Sequence[StagedRecord]
    repeated: bool = False
    form: EventForm = RECORDS


class EventHandedOver(Struct, frozen=True):
    """An invocation on one event begins, or on an event that somebody made by hand."""

    worker: str
    request_id: str
    event: bytes
    repeated: bool = False


class Ended(Struct, frozen=True):
    """An invocation ended; ``reading`` is how Lambda read its reply, None where nobody reads it.

    ``report`` is None where the stage was taken down instead.
    """

    worker: str
    request_id: str
    report: Report | None
    reading: Reading | None = None


class Printed(Struct, frozen=True):
    """A worker printed a line; outside invocations there is no request id."""

    worker: str
    request_id: str | None
    line: str


class Called(Struct, frozen=True):
    """A worker called AWS, and this was the answer.

    ``trace`` is what the call names of its invocation's trace (``trace_part``), ``request`` the head,
    ``keys`` the key attributes of tables.
    """

    trace: str
    request: bytes
    body: bytes
    answer: bytes
    keys: Keys


Why = Literal["visibility", "back-off", "throttled", "retry"]


class Waiting(Struct, frozen=True):
    """Records, or an asynchronous event, come again at ``until`` (the stage's epoch seconds)."""

    worker: str
    records: Sequence[StagedRecord] | str
    until: float
    why: Why


class Deleted(Struct, frozen=True):
    """Messages left their queue."""

    worker: str
    records: Sequence[StagedRecord]


class Split(Struct, frozen=True):
    """What is left of a batch is cut in pieces of these sizes before it is tried again."""

    worker: str
    records: Sequence[StagedRecord]
    sizes: Sequence[int]


class Checkpointed(Struct, frozen=True):
    """All of a shard is done up to this sequence number."""

    worker: str
    shard: str
    sequence: str


class GivenUp(Struct, frozen=True):
    """Lambda, or the queue, tries these records (or an asynchronous event) no more.

    ``letter`` is the message id of what it wrote, empty where the message itself moves or nothing is
    written; ``to`` names where.
    """

    worker: str
    records: Sequence[StagedRecord] | str
    condition: str
    letter: str = ""
    to: str = ""


class SentBack(Struct, frozen=True):
    """A dead letter (by its message id) went back: as the message ``thing``, or as records to a worker."""

    letter: str
    worker: str
    things: Sequence[str]


class Renamed(Struct, frozen=True):
    """A message that was held back is on its queue now, under another id than its sender was told."""

    before: str
    now: str


AccidentKind = Literal[
    "throttle",
    "early crash",
    "crash",
    "late crash",
    "lost reply",
    "malformed reply",
    "duplicate",
    "delay",
    "reorder",
    "outage",
    "latency",
]
"""Which of them a fault brings, ``mischief`` and ``staged_outages`` say."""


class Struck(Struct, frozen=True):
    """An accident: to one invocation of ``worker``, or at a ``place`` that any of them may need."""

    kind: AccidentKind
    worker: str = ""
    place: str = ""
    request_id: str = ""


Happening = (
    Received
    | Refused
    | HandedOver
    | EventHandedOver
    | Ended
    | Printed
    | Called
    | Waiting
    | Deleted
    | Split
    | Checkpointed
    | GivenUp
    | SentBack
    | Renamed
    | Struck
)

SMALL_BYTES: Final = 256


def weight(happening: Happening) -> int:
    """Tell about how many bytes a happening keeps in memory."""
    match happening:
        case Received(records=records) | Refused(records=records) | HandedOver(records=records):
            return SMALL_BYTES + sum(len(record.json) for record in records)
        case EventHandedOver(event=event):
            return SMALL_BYTES + len(event)
        case Printed(line=line):
            return SMALL_BYTES + len(line)
        case Called(request=request, body=body, answer=answer):
            return SMALL_BYTES + len(request) + len(body) + len(answer)
    return SMALL_BYTES
