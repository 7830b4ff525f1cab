"""Items of the demand table as others leave them, for fakes and the real table alike.

Attributes are named as in the table; a None leaves one out. Times count from the clock's now.
"""

from __future__ import annotations

from typing import Any

from worker_runtime import clock
from workers_dmnd.keys import (
    DUE_SALES,
    demand_index,
    demand_keys,
    due_index,
    event_keys,
    lease_index,
    notification_keys,
    sale_keys,
    user_index,
)
from workers_dmnd.policy import DAY_S
from workers_dmnd.rules import timestamp

Item = dict[str, Any]

LEASE_S = 120.0
UNCLAIMED_S = 600.0
CLAIMED = ("SENDING", "SENT", "DELIVERED")


def event_item(event_id: str = "e1", **changed: Any) -> Item:
    """Make an event that has no link yet."""
    item = {
        **event_keys(event_id),
        **_common("event", event_id),
        "eventId": event_id,
        "name": "The Night Owls: World Tour",
        "url": f"https://www.ticketmaster.com/event/{event_id}",
        "isSuppressed": False,
        "status": {"id": "ACTIVE"},
        "timezone": "UTC",
    }
    return _changed(item, changed)


def sale_item(sale_id: str = "s1", *, event_id: str = "e1", **changed: Any) -> Item:
    """Make a sale whose fans are to be told of it now; ``status`` is a word."""
    now = timestamp(clock.now())
    item = {
        **sale_keys(event_id, sale_id),
        **_common("sale", sale_id),
        "saleId": sale_id,
        "eventId": event_id,
        "name": "Presale",
        "opensAt": now,
        "notifyAt": now,
        "templateId": "sale-open",
        "status": {"id": changed.pop("status", "SCHEDULED")},
        "generation": {"id": "NONE", "written": 0, "skipped": 0},
        "GSI1PK": DUE_SALES,
        "GSI1SK": changed.get("notifyAt", now),
    }
    return _changed(item, changed)


def demand_item(user_id: str = "u1", *, event_id: str = "e1", sale_id: str = "s1", **changed: Any) -> Item:
    """Make the demand of a fan who wants to be told."""
    item = {
        **demand_keys(user_id, event_id=event_id, sale_id=sale_id),
        **demand_index(user_id, sale_id=sale_id),
        **_common("demand", f"{user_id}#{sale_id}"),
        "userId": user_id,
        "eventId": event_id,
        "saleId": sale_id,
        "phone": "+12125550123",
        "locale": "en-US",
        "notify": True,
        "optOut": False,
        "status": {"id": "ACTIVE"},
    }
    return _changed(item, changed)


def notification_item(notification_id: str = "n1", *, status: str = "PENDING", **changed: Any) -> Item:
    """Make a notification as it is in a status; ``leaseUntil`` also places it in the index."""
    now = clock.now()
    user_id = changed.get("userId", "u1")
    item = {
        **notification_keys(notification_id),
        **user_index(user_id, created_at=timestamp(now)),
        **_common(changed.get("type", "notification"), notification_id),
        "notificationId": notification_id,
        "userId": user_id,
        "eventId": "e1",
        "saleId": "s1",
        "channel": "sms",
        "to": "+12125550123",
        "templateId": "sale-open",
        "vars": {"eventName": "The Night Owls", "shortUrl": "https://bit.ly/e1", "saleName": "Presale"},
        "locale": "en-US",
        "sendAt": timestamp(now),
        "expiresAt": timestamp(now + DAY_S),
        "attempts": 1 if status in CLAIMED else 0,
        "epoch": 0,
        **_in_status(notification_id, status, now=now),
    }
    placed = _changed(item, changed)
    if "GSI1PK" in placed and "GSI1SK" not in changed:
        placed["GSI1SK"] = changed.get("leaseUntil") or (
            placed["sendAt"] if status == "PENDING" else placed["GSI1SK"]
        )
    return placed


def _in_status(notification_id: str, status: str, *, now: float) -> Item:
    leased = timestamp(now + LEASE_S)
    by_status: dict[str, Item] = {
        "PENDING": due_index(notification_id, send_at=timestamp(now)),
        "CREATED": lease_index(notification_id, until=timestamp(now + UNCLAIMED_S)),
        "RETRY": lease_index(notification_id, until=timestamp(now + UNCLAIMED_S)),
        "SENDING": {"leaseUntil": leased, **lease_index(notification_id, until=leased)},
        "SENT": {"messageId": f"m-{notification_id}-0", "sentAt": timestamp(now)},
        "DELIVERED": {"messageId": f"m-{notification_id}-0", "deliveredAt": timestamp(now)},
    }
    sending = {"clientMessageId": f"{notification_id}:0"} if status in CLAIMED else {}
    said = {"status": {"id": status, "at": timestamp(now), "by": "test"}}
    return {**said, **sending, **by_status.get(status, {})}


def _common(kind: str, item_id: str) -> Item:
    now = timestamp(clock.now())
    return {
        "type": kind,
        "id": item_id,
        "createdAt": now,
        "updatedAt": now,
        "version": 1,
        "schemaVersion": 1,
    }


def _changed(item: Item, changed: Item) -> Item:
    return {name: value for name, value in {**item, **changed}.items() if value is not None}
