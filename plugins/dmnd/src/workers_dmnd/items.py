"""New items as they are written to the demand table, and keys read back; no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from workers_dmnd.keys import due_index, notification_keys, parked_keys, pointer_keys, user_index
from workers_dmnd.models import plain_item
from workers_dmnd.moves import POINTER_KEPT_S
from workers_dmnd.policy import DAY_S
from workers_dmnd.rules import timestamp
from workers_dmnd.weight import RANKS, reported_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers_dmnd.models import Notification, Pointer, SmsStatus

SCHEMA_VERSION: Final = 1
CONTROL: Final = "control"
"""The type that no stream filter asks for."""
PARKED_S: Final = DAY_S


def notification_item(
    notification: Notification, *, made_in: int, now: float, correlation_id: str | None
) -> dict[str, Any]:
    """Write a new notification as 1 of ``transitions`` has it: waiting, and listed with its fan's."""
    notification_id, at = notification.notification_id, timestamp(now)
    return {
        **plain_item(notification),
        **_common(notification.type, notification_id, at=at, correlation_id=correlation_id),
        **notification_keys(notification_id),
        **due_index(notification_id, send_at=notification.send_at),
        **user_index(notification.user_id, created_at=at),
        "channel": "sms",
        "pass": made_in,
    }


def pointer_item(pointer: Pointer, *, now: float, correlation_id: str | None) -> dict[str, Any]:
    """Write whose message it is; forgotten after 90 days."""
    return {
        **plain_item(pointer),
        **_common(CONTROL, pointer.message_id, at=timestamp(now), correlation_id=correlation_id),
        **pointer_keys(pointer.message_id),
        "ttl": int(now) + POINTER_KEPT_S,
    }


def parked_item(receipt: SmsStatus, *, now: float, correlation_id: str | None) -> dict[str, Any]:
    """Write a receipt with what it weighs, ``rank`` before ``at``; forgotten after a day."""
    reported = timestamp(reported_at(receipt))
    return {
        **plain_item(receipt),
        **_common(CONTROL, receipt.message_id, at=timestamp(now), correlation_id=correlation_id),
        **parked_keys(receipt.message_id),
        "timestamp": reported,  # one spelling, whatever came
        "rank": RANKS[receipt.status],
        "at": reported,
        "ttl": int(now) + PARKED_S,
    }


def notification_id_of(item: Mapping[str, Any]) -> str:
    """Read a notification's id from its keys, which every index holds."""
    return str(item["PK"]).removeprefix("NTF#")


def sale_ids_of(item: Mapping[str, Any]) -> tuple[str, str]:
    """Read event id and sale id from a sale's keys, which every index holds."""
    return str(item["PK"]).removeprefix("EVENT#"), str(item["SK"]).removeprefix("SALE#")


def _common(kind: str, item_id: str, *, at: str, correlation_id: str | None) -> dict[str, Any]:
    known = {} if not correlation_id else {"correlationId": correlation_id}
    times = {"createdAt": at, "updatedAt": at}
    return {"type": kind, "id": item_id, **times, "version": 1, "schemaVersion": SCHEMA_VERSION, **known}
