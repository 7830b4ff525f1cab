"""What the filters of a worker's source make of each record of an event, before any worker sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker_runtime.catalogue import installed
from worker_runtime.filters import Explanation, compile_filters, compile_pattern, compile_policy
from worker_runtime.loading import declared_worker
from worker_runtime.routing import route
from worker_runtime.sources.event_bridge import EventBridge
from worker_runtime.sources.kafka import Kafka
from worker_runtime.sources.sns import Sns
from worker_runtime.sources.sns_record import notification_of
from worker_runtime.sources.sqs import Sqs
from worker_runtime.sources.streams import StreamSource
from worker_runtime.sources.table_stream import TableStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.sources import Source


@dataclass(frozen=True, slots=True)
class RecordVerdict:
    """One record, and what each filter made of it."""

    id: str
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class EventVerdict:
    """An event's records as one source of a worker would get them; without filters it takes all."""

    worker: str
    source: Source
    records: tuple[RecordVerdict, ...]

    @property
    def taken(self) -> int:
        """How many records reach the worker."""
        return sum(each.explanation.taken for each in self.records)

    @property
    def filters(self) -> int:
        """How many filters decide; none take all."""
        return max((len(each.explanation.judgements) for each in self.records), default=0)


def judge_event(worker_id: str, event: Any) -> EventVerdict:
    """Ask the filters of the source that the event is of, record by record.

    Raises LoadError where the worker cannot be imported, UnrecognisedEvent where none of its sources
    takes the event, BatchFailed where records have no id.
    """
    sources = declared_worker(worker_id, installed().worker(worker_id)).declaration.sources
    source = route(sources, event, worker=worker_id)
    records = source.records(event)
    told = tuple(RecordVerdict(each.id, _explained(source, each.raw)) for each in records)
    return EventVerdict(worker_id, source, told)


def _explained(source: Source, raw: Mapping[str, Any]) -> Explanation:
    match source:
        case Sqs() | Kafka():
            return compile_filters(
                source.filters, data_key="body" if isinstance(source, Sqs) else "value"
            ).explain(raw)
        case TableStream() if "dynamodb" in raw:  # of the table's own stream, whichever one is polled
            return compile_filters(source.filters, data_key="dynamodb").explain(raw)
        case StreamSource():
            return compile_filters(source.mapping_filters, data_key=source.data_key).explain(raw)
        case Sns():
            policy = compile_policy(source.filter_policy or {}, scope=source.filter_policy_scope)
            told = notification_of(raw)
            return policy.explain(str(told.get("Message", "")), told.get("MessageAttributes") or {})
        case EventBridge():
            return compile_pattern(source.pattern).explain(raw)
    return Explanation(())
