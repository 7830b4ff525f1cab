"""What EventBridge says of an event: its id, its time, who sent it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker_runtime.invocation import Invocation
from worker_runtime.records import Record, T, carried_id, moment_of
from worker_runtime.sources.said_inside import CORRELATION
from worker_runtime.sources.schedule_record import is_tick

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_FIELDS: Final = frozenset(
    ("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail")
)
_TOLD: Final = ("source", "detail-type", "account", "region")

_invocation: Final = Invocation()


def is_event(event: Any) -> bool:
    """Whether this is an event of EventBridge's, and no tick of a schedule."""
    return isinstance(event, dict) and event.keys() >= _FIELDS and not is_tick(event)


class EventBridgeRecord(Record[T], frozen=True):
    """The one record of an event; ``body`` is its detail."""

    @property
    def sent_at(self) -> datetime | None:
        """When its sender says that it happened, in UTC."""
        return moment_of(self.raw["time"])

    @property
    def attributes(self) -> Mapping[str, str]:
        """Its ``source``, ``detail-type``, ``account`` and ``region``."""
        told = {name: self.raw[name] for name in _TOLD}
        return {name: value for name, value in told.items() if isinstance(value, str)}

    @property
    def correlation_id(self) -> str:
        """The detail's ``correlationId``, else the event's id."""
        detail = self.raw["detail"]
        said = detail.get(CORRELATION) if isinstance(detail, dict) else None
        return carried_id(said) or self.id


def event_record(event: Mapping[str, Any]) -> EventBridgeRecord[Any]:
    """Open an event; one without an id takes the invocation's, which a retry keeps."""
    said = event["id"]
    named = said if isinstance(said, str) and said else _invocation.request_id
    return EventBridgeRecord(named, event["detail"], event)
