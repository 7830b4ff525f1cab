"""What can be told of a notification, from its item alone: nobody keeps a log of what happened to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker_runtime import redact
from workers_dmnd.items import notification_id_of
from workers_dmnd.models import Status, plain_item
from workers_dmnd.transitions import TRANSITIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers_dmnd.models import Pointer, SmsStatus

    Account = dict[str, Any]

TOLD: Final = (
    *("type", "userId", "eventId", "saleId", "templateId", "locale", "to"),
    *("createdAt", "sendAt", "expiresAt", "attempts", "epoch", "resume", "leaseUntil"),
    *("clientMessageId", "messageId", "sentAt", "deliveredAt", "lastError"),
    *("version", "updatedAt", "correlationId", "ttl"),
)
"""The attributes that are told, under their own names; what the text says of the event is not."""


def account_of(item: Mapping[str, Any]) -> Account:
    """Tell what an item says of its notification, and what may become of it next."""
    said = item.get("status")
    status = {**said, "id": spelled(said)} if isinstance(said, dict) else {"id": spelled(item)}
    return {
        "notificationId": notification_id_of(item),
        "status": {name: status.get(name) for name in ("id", "at", "by", "reason")},
        **{name: item.get(name) for name in TOLD},
        "next": next_steps(status["id"]),
    }


def with_messages(account: Account, *, pointer: Pointer | None, receipt: SmsStatus | None) -> Account:
    """Add what is kept of the notification's latest message: whose it is, and a receipt that waits for it."""
    kept = {"pointer": pointer, "receipt": receipt}
    return {**account, **{name: each and plain_item(each) for name, each in kept.items()}}


def spelled(item: Mapping[str, Any]) -> str:
    """Return the status that an item (or its status) names, older writers' words as today's."""
    word = str(item.get("id"))
    try:
        return Status(word)
    except ValueError:
        return word


def next_steps(status: str) -> list[dict[str, Any]]:
    """List the transitions that lead on from a status; none where it is no status."""
    return [
        {
            "transition": row.number,
            "becomes": row.target or status,
            "by": list(row.writers),
            "when": row.guard,
        }
        for row in TRANSITIONS
        if status in row.sources
    ]


def shown(account: Account, *, reveal: bool) -> Account:
    """Return what may be shown of an account: personal data is masked unless somebody asked for it."""
    if reveal:
        return account
    masked: Account = redact(account)
    return masked
