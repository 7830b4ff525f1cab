"""Who plays in a scenario: events, their sales, and fans with a story each; drawn from a seed.

``job`` puts them into the demand table, ``ledger`` compares what became of them with their stories.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from workers_dmnd.keys import demand_index, demand_keys, event_keys, lease_index, notification_keys, sale_keys
from workers_dmnd.local.sale_to_sms.stories import Story
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TEMPLATE: Final = "sale-open"
CONFIRMATION: Final = "signed-up"
CAMPAIGN: Final = "spring-tour"
FALLS_DUE_S: Final = 150.0
"""How long after it is put a sale falls due: by then its event has a link."""

FIRST_NUMBER: Final = "+13125550000"
"""The first fan's phone; the others' follow."""

_DAYLIGHT: Final = range(10, 18)  # no send window closes while a scenario runs
_ZONES: Final = (
    *("America/Los_Angeles", "America/Phoenix", "America/Chicago", "America/New_York", "Atlantic/Azores"),
    *("Europe/London", "Europe/Berlin", "Africa/Nairobi", "Asia/Dubai", "Asia/Karachi", "Asia/Dhaka"),
    *("Asia/Bangkok", "Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland", "Pacific/Honolulu"),
)
_LOCALES: Final = ("en-US", "en-US", "en-US", "es-MX", "fr-CA", "de-DE", "en-GB")
_WHO: Final = ("The Night Owls", "Paper Lanterns", "Marla Quist", "Low Tide Choir", "Copper & Pine")
_WHERE: Final = ("union-hall", "harbor-arena", "the-foundry", "red-mesa-amphitheater", "velvet-room")


class Fate(StrEnum):
    """What is special about a sale."""

    HELD = "held"
    LINKED = "its event has a link already"
    SUPPRESSED = "its event is suppressed"
    CANCELLED = "it is cancelled"

    @property
    def is_told(self) -> bool:
        """Whether fans hear of it."""
        return self in (Fate.HELD, Fate.LINKED)


class Sold(Struct, frozen=True, kw_only=True):
    """A sale and its event."""

    event_id: str
    sale_id: str
    name: str
    fate: Fate
    timezone: str

    @property
    def url(self) -> str:
        """The event's long URL."""
        return f"https://www.ticketmaster.com/{_WHERE[len(self.name) % len(_WHERE)]}/event/{self.event_id}"

    @property
    def own_link(self) -> str | None:
        """The link that the event brings along."""
        return f"https://tmkt.example/{self.event_id.lower()}" if self.fate is Fate.LINKED else None

    def event_item(self, *, now: float) -> dict[str, Any]:
        """Make the event's item."""
        brought = {} if self.own_link is None else {"shortUrl": self.own_link}
        return {
            **event_keys(self.event_id),
            **_common("event", self.event_id, now=now),
            "eventId": self.event_id,
            "name": self.name,
            "url": self.url,
            "isSuppressed": self.fate is Fate.SUPPRESSED,
            "status": {"id": "ACTIVE"},
            "startsAt": "2027-06-18T19:30:00.000Z",
            "timezone": self.timezone,
            **brought,
        }

    def sale_item(self, *, now: float) -> dict[str, Any]:
        """Make the sale's item, which falls due in ``FALLS_DUE_S``."""
        due = timestamp(now + FALLS_DUE_S)
        return {
            **sale_keys(self.event_id, self.sale_id),
            **_common("sale", self.sale_id, now=now),
            "saleId": self.sale_id,
            "eventId": self.event_id,
            "campaignId": CAMPAIGN,
            "name": f"Presale {self.sale_id[-2:]}",
            "opensAt": timestamp(now + 2 * FALLS_DUE_S),
            "notifyAt": due,
            "templateId": TEMPLATE,
            "status": {"id": "CANCELLED" if self.fate is Fate.CANCELLED else "SCHEDULED"},
            "generation": {"id": "NONE", "written": 0, "skipped": 0},
            "GSI1PK": "GENDUE",
            "GSI1SK": due,
        }


class Fan(Struct, frozen=True, kw_only=True):
    """A fan, whom a sale is to tell something, or whose sign-up is to be confirmed (``sale`` None)."""

    user_id: str
    phone: str
    locale: str
    story: Story
    sale: Sold | None

    @property
    def confirmation_id(self) -> str:
        """The id of the notification that confirms a sign-up."""
        return f"asu-{self.user_id}"

    def demand_item(self, *, now: float) -> dict[str, Any]:
        """Make the item of what the fan wants."""
        assert self.sale is not None  # noqa: S101 - sign-ups have none
        phone = {} if self.story is Story.NO_PHONE else {"phone": self.phone}
        return {
            **demand_keys(self.user_id, event_id=self.sale.event_id, sale_id=self.sale.sale_id),
            **demand_index(self.user_id, sale_id=self.sale.sale_id),
            **_common("demand", f"{self.user_id}:{self.sale.sale_id}", now=now),
            "userId": self.user_id,
            "eventId": self.sale.event_id,
            "saleId": self.sale.sale_id,
            "quantity": 2,
            "email": f"{self.user_id}@example.com",
            "locale": self.locale,
            "notify": self.story is not Story.NOT_ASKED,
            "optOut": self.story is Story.OPTED_OUT,
            "status": {"id": "ACTIVE"},
            **phone,
        }

    def confirmation_item(self, *, event: Sold, now: float) -> dict[str, Any]:
        """Make the notification that the sign-up API inserts, ready to be sent [A8]."""
        words = {
            "eventName": event.name,
            "saleName": "the presale",
            "shortUrl": event.url,
            "startsAt": "soon",
        }
        if self.story is Story.NO_TEXT:
            words.pop("eventName")
        return {
            **notification_keys(self.confirmation_id),
            **_common("notification:asu", self.confirmation_id, now=now),
            **lease_index(self.confirmation_id, until=timestamp(now + 600)),
            "notificationId": self.confirmation_id,
            "userId": self.user_id,
            "eventId": event.event_id,
            "channel": "sms",
            "to": self.phone,
            "templateId": CONFIRMATION,
            "vars": words,
            "locale": self.locale,
            "sendAt": timestamp(now),
            "status": {"id": "CREATED", "at": timestamp(now), "by": "sign-up API"},
            "attempts": 0,
            "epoch": 0,
        }


class Cast(Struct, frozen=True, kw_only=True):
    """All who play."""

    sales: tuple[Sold, ...]
    fans: tuple[Fan, ...]

    def of(self, sale: Sold | None) -> list[Fan]:
        """List the fans of a sale, or those who only signed up."""
        return [fan for fan in self.fans if fan.sale is sale]


class Part(Struct, frozen=True):
    """Fans of one kind: their story, for which sale (None: a sign-up), how many of a hundred."""

    story: Story
    share: float = 2.0
    sign_up: bool = False


def draw_cast(seed: int, *, fans: int, parts: Sequence[Part], fates: Sequence[Fate], now: float) -> Cast:
    """Draw a cast, the same for the same seed but for the time zones, where it is day at ``now``.

    Each part gets its share of the fans, one at least; the first part gets what is left over.
    """
    random = Random(f"{seed}/{fans}")
    zones = _in_daylight(now)
    sales = [_sale(random, at, fate, zones) for at, fate in enumerate(fates)]
    told = [sale for sale in sales if sale.fate.is_told]
    untold = [sale for sale in sales if not sale.fate.is_told]
    drawn: list[Fan] = []
    for part, count in _counts(parts, fans).items():
        places = untold if part.story is Story.NOT_TOLD else told
        drawn += [_fan(random, len(drawn) + at, part, places) for at in range(count)]
    return Cast(sales=tuple(sales), fans=tuple(drawn))


def scripts(cast: Cast) -> Mapping[str, Story]:
    """Tell the story that each phone number plays."""
    return {fan.phone: fan.story for fan in cast.fans}


def _counts(parts: Sequence[Part], fans: int) -> dict[Part, int]:
    first, *others = parts
    counts = {part: max(1, round(fans * part.share / 100)) for part in others}
    while sum(counts.values()) > fans - 1:  # a small house: every part has one fan, or there is no part
        widest = max(counts, key=lambda part: counts[part])
        counts[widest] -= 1
        counts = {part: count for part, count in counts.items() if count}
    return {first: fans - sum(counts.values()), **counts}


def _in_daylight(now: float) -> list[str]:
    at = datetime.fromtimestamp(now, tz=UTC)
    return [zone for zone in _ZONES if at.astimezone(ZoneInfo(zone)).hour in _DAYLIGHT]


def _sale(random: Random, at: int, fate: Fate, zones: Sequence[str]) -> Sold:
    number = f"{random.randrange(16**8):08X}"
    return Sold(
        event_id=f"E{number}{at:02}",
        sale_id=f"S{number}{at:02}",
        name=_WHO[at % len(_WHO)],
        fate=fate,
        timezone=zones[at % len(zones)],
    )


def _fan(random: Random, at: int, part: Part, places: Sequence[Sold]) -> Fan:
    return Fan(
        user_id=f"u{random.randrange(16**8):08x}{at:05}",
        phone=f"+{int(FIRST_NUMBER) + at}",
        locale=random.choice(_LOCALES),
        story=part.story,
        sale=None if part.sign_up else places[at % len(places)],
    )


def _common(kind: str, item_id: str, *, now: float) -> dict[str, Any]:
    at = timestamp(now)
    return {
        "type": kind,
        "id": item_id,
        "schemaVersion": 1,
        "version": 1,
        "createdAt": at,
        "updatedAt": at,
        "correlationId": f"demo-{item_id}",
    }
