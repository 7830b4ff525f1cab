"""From a fan's demand to their notification; no I/O.

``announcing`` gathers the Announcement, ``fan_out`` makes the notifications of a chunk of fans.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from workers_dmnd.models import Audience, Notification, NotificationStatus, Status
from workers_dmnd.rules import timestamp
from workers_dmnd.transitions import Writer

if TYPE_CHECKING:
    from workers_dmnd.models import Demand, Event, Sale

ID_CHARS: Final = 32


class Announcement(Struct, frozen=True, kw_only=True):
    """What all notifications of one sale say, when, and whom they are for.

    ``notify_at`` is epoch seconds; ``expires_at`` None leaves it to the policy.
    """

    event_id: str
    sale_id: str
    template_id: str
    vars: dict[str, str]
    notify_at: float
    expires_at: str | None = None
    audience: Audience = Audience()

    def is_for(self, demand: Demand) -> bool:
        """Say whether a fan wants to hear of it, can be reached and is spoken to."""
        wants = demand.event_id == self.event_id and demand.notify and not demand.opt_out
        return wants and bool(demand.phone) and speaks_to(self.audience, demand.locale)


def words_of(sale: Sale, event: Event, *, link: str) -> dict[str, str]:
    """Return what templates may say of a sale; what is not known is left out, so none says half."""
    words = {"eventName": event.name, "shortUrl": link, "saleName": sale.name, "startsAt": event.starts_at}
    return {name: word for name, word in words.items() if word}


def speaks_to(audience: Audience, locale: str) -> bool:
    """Say whether an audience includes a locale; ``en`` includes ``en-GB``, and none named includes all."""
    if audience.locales is None:
        return True
    wanted = locale.lower()
    named = (each.lower() for each in audience.locales)
    return any(wanted == each or wanted.startswith(f"{each}-") for each in named)


def notification_id(announcement: Announcement, user_id: str) -> str:
    """Name a fan's notification: the same whenever, and however often, it is made."""
    parts = (announcement.sale_id, announcement.event_id, user_id, announcement.template_id)
    return sha256("|".join(("v1", "notification", *parts, "sms")).encode()).hexdigest()[:ID_CHARS]


def new_notification(
    announcement: Announcement, demand: Demand, *, now: float, expires_after_s: float
) -> Notification:
    """Make a fan's notification as it is before its life begins (1 of ``transitions``)."""
    send_at = max(announcement.notify_at, now)
    return Notification(
        notification_id=notification_id(announcement, demand.user_id),
        user_id=demand.user_id,
        event_id=demand.event_id,
        sale_id=demand.sale_id,
        to=demand.phone or "",
        template_id=announcement.template_id,
        vars=announcement.vars,
        locale=demand.locale,
        send_at=timestamp(send_at),
        expires_at=announcement.expires_at or timestamp(send_at + expires_after_s),
        status=NotificationStatus(Status.PENDING, at=timestamp(now), by=Writer.GENERATOR.value),
    )
