"""Ticks of schedules, and their payloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime import clock
from worker_runtime.events.places import ACCOUNT, REGION
from worker_runtime.sources.schedule import Schedule
from worker_runtime.sources.ticks import tick

if TYPE_CHECKING:
    from collections.abc import Mapping


def schedule_event(
    payload: Mapping[str, Any] | None = None, *, rule: str = "rule", timezone: str | None = None
) -> Any:
    """Build what a schedule sends: its payload, else a rule's tick (with ``timezone`` a Scheduler's)."""
    schedule = Schedule("rate(1 minute)", payload=payload, rule=rule, timezone=timezone)
    return tick(schedule, at=clock.now(), region=REGION, account=ACCOUNT)
