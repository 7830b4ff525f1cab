"""The event items of the demo, drawn from a seed: what upstream puts, edits, and has to mend.

``scenarios`` writes them into the demand table, ``ledger`` compares what became of them with ``intended``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

HOST: Final = "www.ticketmaster.com"
STRANGE_HOST: Final = "tickets.example.net"  # in nobody's list of allowed hosts

_WHO: Final = (
    *("The Night Owls", "Paper Lanterns", "Marla Quist", "Low Tide Choir", "Copper & Pine", "DJ Halcyon"),
    *(
        "Los Relámpagos",
        "Ada Brenner Trio",
        "Glass Harbor",
        "The Quiet Engines",
        "Sœur Minuit",
        "Velvet Moth",
    ),
)
_TOUR: Final = ("World Tour", "Unplugged", "Farewell Shows", "Summer Nights", "Live 2027", "Homecoming")
_WHERE: Final = (
    ("Union Hall", "chicago-illinois", "America/Chicago"),
    ("Harbor Arena", "seattle-washington", "America/Los_Angeles"),
    ("The Foundry", "brooklyn-new-york", "America/New_York"),
    ("Red Mesa Amphitheater", "phoenix-arizona", "America/Phoenix"),
)

# Personal data that must not show in any log, by where it stands, so that a leak says where it came from.
CANARIES: Final[Mapping[str, tuple[str, str]]] = {
    "attribute": ("+12125550141", "canary.attribute@example.com"),
    "query": ("+12125550142", "canary.query@example.com"),
    "unreadable": ("+12125550143", "canary.unreadable@example.com"),
    "misaddressed": ("+12125550144", "canary.misaddressed@example.com"),
    "garbage": ("+12125550145", "canary.garbage@example.com"),
}


class Story(StrEnum):
    """What upstream does with an event; all but the first two may end without a link of ours."""

    ANNOUNCED = "announced"  # put once
    RENAMED = "renamed"  # put, then its name edited twice
    SUPPRESSED = "suppressed"  # put suppressed
    LINKED = "already linked"  # put with a link from elsewhere
    WITHDRAWN = "suppressed after it was enqueued"

    @property
    def earns_link(self) -> bool:
        """Whether the event has to have a link from Bitly in the end."""
        return self in (Story.ANNOUNCED, Story.RENAMED)


class EventItem(Struct, frozen=True, kw_only=True):
    """One event: the item as put, what upstream sets later, and what an operator has to set right."""

    story: Story
    put: Mapping[str, Any]
    edits: tuple[Mapping[str, Any], ...] = ()
    mending: Mapping[str, Any] = {}

    @property
    def event_id(self) -> str:
        """The id that findings name."""
        return str(self.put["eventId"])

    @property
    def keys(self) -> dict[str, str]:
        """Its keys in the demand table."""
        return {"PK": f"EVENT#{self.event_id}", "SK": "EVENT"}

    @property
    def intended(self) -> dict[str, Any]:
        """The item that upstream means to have in the end, without what the workers add."""
        item = dict(self.put)
        for change in (*self.edits, self.mending):
            item |= change
        return item


def draw_items(seed: int, *, events: int, poison: bool) -> list[EventItem]:
    """Draw ``events`` items, the same for the same seed; with ``poison`` two of them are broken at first.

    A broken item is mended into the very item that it is without poison, so that both runs end alike.
    """
    random = Random(f"{seed}/{events}")
    stories = _stories(random, events)
    items = [_drawn(random, at, story) for at, story in enumerate(stories)]
    if poison:
        announced = [at for at, item in enumerate(items) if item.story is Story.ANNOUNCED]
        misaddressed, unreadable = Random(seed).sample(announced, 2)
        items[misaddressed] = _misaddressed(items[misaddressed])
        items[unreadable] = _unreadable(items[unreadable])
    return items


def garbage() -> str:
    """Word a message that a stranger leaves in the queue."""
    phone, email = CANARIES["garbage"]
    return f"Hi! Please call {phone} or write to {email} about the tickets {{"


def in_bursts(items: Sequence[EventItem], size: int) -> list[Sequence[EventItem]]:
    """Cut the items as upstream's imports send them."""
    return [items[at : at + size] for at in range(0, len(items), size)]


def _stories(random: Random, events: int) -> list[Story]:
    share = max(1, events // 10)
    rare = [Story.RENAMED, Story.SUPPRESSED, Story.LINKED, Story.WITHDRAWN] * share
    stories = [*rare, *[Story.ANNOUNCED] * (events - len(rare))]
    random.shuffle(stories)
    return stories


def _drawn(random: Random, at: int, story: Story) -> EventItem:
    event_id = f"{random.randrange(16**12):012X}{at:04X}"
    who, tour = random.choice(_WHO), random.choice(_TOUR)
    venue, place, timezone = random.choice(_WHERE)
    day = f"2027-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
    slug = f"{who}-{place}-{day}".lower().replace(" ", "-").replace("&", "and")
    item: dict[str, Any] = {
        "type": "event",
        "id": event_id,
        "eventId": event_id,
        "schemaVersion": 1,
        "version": 1,
        "name": f"{who}: {tour}",
        "url": f"https://{HOST}/{slug}/event/{event_id}{_query(at)}",
        "isSuppressed": story is Story.SUPPRESSED,
        "status": {"id": "ACTIVE"},
        "startsAt": f"{day}T{random.randint(18, 21)}:30:00.000Z",
        "timezone": timezone,
        "venueName": venue,
        "priceRange": {"min": random.randint(20, 60), "max": random.randint(80, 400), "currency": "USD"},
    }
    if at % 3 == 0:
        phone, email = CANARIES["attribute"]
        item["promoter"] = {"contacts": [phone, email]}  # an attribute that no worker knows
    if story is Story.LINKED:
        item["shortUrl"] = f"https://tmkt.example/{event_id[-6:].lower()}"
    return EventItem(story=story, put=item, edits=_edits(story, who))


def _query(at: int) -> str:
    phone, email = CANARIES["query"]
    encoded = f"?contact={email.replace('@', '%40')}&call={phone.replace('+', '%2B')}"
    return encoded if at % 4 == 0 else ""


def _edits(story: Story, who: str) -> tuple[Mapping[str, Any], ...]:
    if story is Story.RENAMED:
        return {"name": f"{who}: Second Night Added"}, {"name": f"{who}: Third Night Added"}
    return ({"isSuppressed": True},) if story is Story.WITHDRAWN else ()


def _misaddressed(item: EventItem) -> EventItem:
    phone, email = CANARIES["misaddressed"]
    strange = f"https://{STRANGE_HOST}/event/{item.event_id}?email={email}&phone={phone}"
    return _broken(item, url=strange)


def _unreadable(item: EventItem) -> EventItem:
    return _broken(item, id=list(CANARIES["unreadable"]))  # where the workers expect a text


def _broken(item: EventItem, **wrong: Any) -> EventItem:
    right = {name: item.put[name] for name in wrong}
    return replace(item, put={**item.put, **wrong}, mending=right)
