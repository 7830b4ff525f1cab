"""Events that rules of EventBridge match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from worker_runtime import clock
from worker_runtime.events.places import ACCOUNT, REGION, moment_text

if TYPE_CHECKING:
    from collections.abc import Mapping


def event_bridge_event(
    detail: Mapping[str, Any], *, source: str = "test", detail_type: str = "Test", at: int = 0
) -> dict[str, Any]:
    """Build an event of EventBridge's; also a body for ``message`` and ``notification``."""
    return {
        "version": "0",
        "id": str(UUID(int=at, version=4)),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": moment_text(clock.now()),
        "region": REGION,
        "resources": [],
        "detail": detail,
    }
