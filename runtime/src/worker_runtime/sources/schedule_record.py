"""What a schedule brings: the event of a tick in EventBridge's envelope, or the payload by itself."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.invocation import Invocation
from worker_runtime.records import Record, T, carried_id

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES: Final = "aws.events"  # the source of what a rule sends
SCHEDULER: Final = "aws.scheduler"  # the source of what EventBridge Scheduler sends
TICK: Final = "Scheduled Event"

_OF_OTHERS: Final = frozenset(("Records", "eventSource", "requestContext", "deliveryStreamArn"))
"""What marks the events of queues, streams, Kafka, HTTP and Firehose: no payload of ours has them."""

_invocation: Final = Invocation()


def is_tick(event: Any) -> bool:
    """Whether the event is what EventBridge sends for a schedule that has no payload of its own."""
    return (
        isinstance(event, dict)
        and event.get("detail-type") == TICK
        and event.get("source") in (RULES, SCHEDULER)
    )


def is_payload(event: Any) -> bool:
    """Whether the event is what a schedule's input says, or a person: null, or an object of no one else."""
    if not isinstance(event, dict):
        return event is None
    return _OF_OTHERS.isdisjoint(event) and not ("detail-type" in event and "detail" in event)


class ScheduledRecord(Record[T], frozen=True):
    """The one record of a tick; ``body`` is the payload, not decoded yet."""

    @property
    def sent_at(self) -> datetime | None:
        """When the schedule was due, in UTC; None where a payload came by itself."""
        try:
            return datetime.fromisoformat(self.raw["time"]) if is_tick(self.raw) else None
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def correlation_id(self) -> str:
        """The payload's ``correlationId``, else the event's id."""
        payload: Any = payload_of(self.raw)
        said = payload.get("correlationId") if isinstance(payload, dict) else None
        return carried_id(said) or self.id


def scheduled_record(event: Mapping[str, Any] | None) -> ScheduledRecord[Any]:
    """Open an event; one without an id takes the invocation's, which a retry keeps."""
    raw = event or {}
    said = raw.get("id") if is_tick(raw) else None
    named = said if isinstance(said, str) and said else _invocation.request_id or "payload"
    return ScheduledRecord(named, payload_of(raw), raw)


def payload_of(event: Mapping[str, Any]) -> Any:
    """Take the payload out of an event: an object, or the JSON text of one."""
    return event.get("detail") or {} if is_tick(event) else event
