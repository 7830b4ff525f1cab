"""The event of one tick, as AWS sends it: for tests, the stage and ``workers invoke``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from worker_runtime.sources.schedule_record import RULES, SCHEDULER, TICK

if TYPE_CHECKING:
    from worker_runtime.sources.schedule import Schedule


def tick(schedule: Schedule, *, at: float, region: str, account: str, name: str | None = None) -> Any:
    """Build what ``schedule`` sends when it is due ``at`` (epoch seconds): its payload, else a new event.

    ``name`` is the rule's or schedule's real name, where it has one.
    """
    if schedule.payload is not None:
        return dict(schedule.payload)
    named = name or schedule.rule or "schedule"
    ours = f"schedule/default/{named}" if schedule.of_scheduler else f"rule/{named}"
    service = "scheduler" if schedule.of_scheduler else "events"
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": TICK,
        "source": SCHEDULER if schedule.of_scheduler else RULES,
        "account": account,
        "time": datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [f"arn:aws:{service}:{region}:{account}:{ours}"],
        "detail": "{}" if schedule.of_scheduler else {},
    }
