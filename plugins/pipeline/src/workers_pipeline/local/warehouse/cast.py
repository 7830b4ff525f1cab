"""The items of the scenario, drawn from a seed: what is written of each, and what has to be told of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

CANARY_PHONE: Final = "+12125550171"
CANARY_EMAIL: Final = "canary.warehouse@example.com"
CANARIES: Final = (CANARY_PHONE, CANARY_PHONE[1:], CANARY_EMAIL, "canary.warehouse", "Wilhelmina")
"""Personal data that must be in no file and no log."""

_MADE_AT: Final = "2026-02-01T12:00:00.000Z"


class Story(StrEnum):
    """What becomes of an item in its table."""

    PUT = "put once"
    EDITED = "edited twice"
    REMOVED = "removed"
    CONFIRMATION = "not delivered: a sign-up's confirmation"
    BACKLOG = "of around last midnight"


class Part(Struct, frozen=True, kw_only=True):
    """One item: what is put, what is set later, whether it goes; ``mending`` is set right by an operator."""

    story: Story
    item: Mapping[str, Any]
    edits: tuple[Mapping[str, Any], ...] = ()
    mending: Mapping[str, Any] = {}

    @property
    def name(self) -> str:
        """The id that findings name."""
        return str(self.item["PK"])

    @property
    def keys(self) -> tuple[str, str]:
        """Its keys, by which rows are its."""
        return self.item["PK"], self.item["SK"]

    @property
    def states(self) -> list[Mapping[str, Any]]:
        """What its rows have to say, in order: each state that fits its table."""
        if self.story is Story.CONFIRMATION:
            return []
        states: list[Mapping[str, Any]] = [] if self.mending else [self.item]
        for change in (*((self.mending,) if self.mending else ()), *self.edits):
            states.append({**(states[-1] if states else self.item), **change})
        return [*states, states[-1]] if self.story is Story.REMOVED else states


def draw_cast(seed: int, *, items: int, poison: bool) -> list[Part]:
    """Draw the parts, the same for the same seed; with ``poison`` two of them are put broken and mended."""
    random = Random(f"{seed}/{items}")
    share = max(1, items // 8)
    rare = [Story.EDITED, Story.REMOVED, Story.CONFIRMATION, Story.BACKLOG] * share
    stories = [*rare, *[Story.PUT] * (items - len(rare))][:items]
    random.shuffle(stories)
    parts = [_drawn(random, at, story) for at, story in enumerate(stories)]
    if poison:
        plain = [at for at, part in enumerate(parts) if part.story is Story.PUT]
        for at in Random(seed).sample(plain, min(2, len(plain))):
            parts[at] = _broken(parts[at])
    return parts


def in_bursts(parts: Sequence[Part], size: int) -> list[Sequence[Part]]:
    """Cut the parts as an import would write them."""
    return [parts[at : at + size] for at in range(0, len(parts), size)]


def _drawn(random: Random, at: int, story: Story) -> Part:
    make = random.choice((_demand, _sale, _event, _notification))
    if story is Story.CONFIRMATION:
        make = _notification
    name = f"{random.randrange(16**8):08X}{at:04X}"
    item = {
        **make(name),
        "id": name,
        "createdAt": _MADE_AT,
        "updatedAt": _MADE_AT,
        "version": 1,
        "schemaVersion": 1,
        "contact": {"firstName": "Wilhelmina", "notes": f"call {CANARY_PHONE}, write to {CANARY_EMAIL}"},
    }
    if story is Story.CONFIRMATION:
        item["type"] = "notification:asu"
    edits = tuple({"status": {"id": state}, "version": 2 + nth} for nth, state in enumerate(("HELD", "DONE")))
    return Part(story=story, item=item, edits=edits if story is Story.EDITED else ())


def _demand(name: str) -> dict[str, Any]:
    return {
        "PK": f"USER#{name}",
        "SK": f"DEMAND#E{name}#S{name}",
        "type": "demand",
        "userId": name,
        "eventId": f"E{name}",
        "saleId": f"S{name}",
        "quantity": 2,
        "locale": "de-DE",
        "notify": True,
        "phone": CANARY_PHONE,
        "email": CANARY_EMAIL,
        "optOut": False,
        "status": {"id": "ACTIVE"},
    }


def _sale(name: str) -> dict[str, Any]:
    return {
        "PK": f"EVENT#{name}",
        "SK": f"SALE#S{name}",
        "type": "sale",
        "saleId": f"S{name}",
        "eventId": name,
        "name": "Vorverkauf für alle",
        "templateId": "sale-open",
        "status": {"id": "OPEN"},
        "generation": {"id": "NONE", "written": 0},
    }


def _event(name: str) -> dict[str, Any]:
    return {
        "PK": f"EVENT#{name}",
        "SK": "EVENT",
        "type": "event",
        "eventId": name,
        "isSuppressed": False,
        "name": "春のライブ",
        "url": f"https://www.ticketmaster.com/{name}?contact={CANARY_EMAIL}",
        "venueName": "Union Hall",
        "status": {"id": "ACTIVE"},
    }


def _notification(name: str) -> dict[str, Any]:
    return {
        "PK": f"NTF#{name}",
        "SK": "NTF",
        "type": "notification",
        "notificationId": name,
        "userId": "u1",
        "eventId": "e1",
        "channel": "sms",
        "to": CANARY_PHONE,
        "templateId": "sale-open",
        "attempts": 1,
        "status": {"id": "SENT"},
        "lastError": f"no answer from {CANARY_PHONE}",
    }


def _broken(part: Part) -> Part:
    """Put a number where the table wants a text, until somebody mends it."""
    right = part.item["createdAt"]
    return Part(
        story=part.story,
        item={**part.item, "createdAt": 20260201},
        mending={"createdAt": right, "version": 2},
    )
