"""The demo's books: every item put ends with its link, skipped for a reason, or by way of the dead letters.

Kept outside the runtime: it knows what was put, the table, the dead letters and what Bitly gave, never the
workers' logs or metrics. What has to be in the end is computed from the seed and not taken from a first,
fault-free run: such a run could be wrong in the same way, and it would double the wait. It can be, since
Bitly's stand-in derives a link from the long URL alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from worker_runtime.local.demo.outcome import Finding, Outcome
from workers_dmnd.local.short_links.event_items import Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workers_dmnd.local.short_links.event_items import EventItem

VARIES: Final = frozenset({"createdAt", "updatedAt", "shortUrlAt", "version"})
COMPLETED: Final = "dead letter, completed by redrive"
UNACCOUNTED: Final = "not accounted for"

_SHOWN_CHARS: Final = 60


STRANGER: Final = "a stranger's message"


class Letter(Struct, frozen=True):
    """A dead letter: its queue, why it is there, and whose it is: an event's id, or ``STRANGER``."""

    queue: str
    reason: str
    item: str


class Seen(Struct, frozen=True, kw_only=True):
    """What there is in the end; ``letters`` lay there before the redrive, ``left`` still do.

    ``idle`` is whether the stage had come to rest, ``strangers`` the messages that nobody can mend. Where
    faults repeat records, or a worker dies between its dead letter and its reply, there may be ``copies``.
    """

    items: Sequence[Mapping[str, Any]]
    links_given: int
    letters: Sequence[Letter] = ()
    left: Sequence[Letter] = ()
    strangers: int = 0
    copies: bool = False
    idle: bool = True


def judge(planned: Sequence[EventItem], seen: Seen, *, link_for: Callable[[str], str]) -> Outcome:
    """Settle what became of every planned item; ``link_for`` tells the link that Bitly gives a long URL."""
    by_key = {_key(item): item for item in seen.items}
    due = {_key(item.keys): (item.event_id, item_due(item, link_for=link_for)) for item in planned}
    findings = [
        *(
            Finding(event_id, problem)
            for key, (event_id, item) in due.items()
            for problem in _differences(by_key.get(key), item)
        ),
        *(Finding(key, "is in the table, but nobody put it") for key in by_key.keys() - due.keys()),
        *_letters_left(seen),
        *_poison_that_passed(planned, seen),
        *_links_too_many(planned, seen),
        *([] if seen.idle else [Finding("the stage", "had not come to rest in time")]),
    ]
    return Outcome(
        endings=_endings(planned, seen, astray={finding.item for finding in findings}),
        findings=tuple(findings),
        remarks=_remarks(seen),
        state=_digest([lasting(item) for item in seen.items]),
    )


def item_due(item: EventItem, *, link_for: Callable[[str], str]) -> dict[str, Any]:
    """Compute the item that has to be in the table in the end, without what varies."""
    due = {**item.keys, **item.intended}
    if item.story.earns_link:
        due["shortUrl"] = link_for(due["url"])
    return lasting(due)


def lasting(item: Mapping[str, Any]) -> dict[str, Any]:
    """Copy an item without times and versions."""
    return {name: value for name, value in item.items() if name not in VARIES}


def _key(item: Mapping[str, Any]) -> str:
    return f"{item['PK']} {item['SK']}"


def _differences(found: Mapping[str, Any] | None, due: Mapping[str, Any]) -> Iterator[str]:
    if found is None:
        yield "is gone from the table"
        return
    item = lasting(found)
    for name in sorted(due.keys() | item.keys()):
        if name not in item:
            yield f"has no {name}, due is {_shown(due[name])}"
        elif name not in due:
            yield f"has {name} {_shown(item[name])}, due is none"
        elif item[name] != due[name]:
            yield f"{name} is {_shown(item[name])}, due is {_shown(due[name])}"


def _letters_left(seen: Seen) -> Iterator[Finding]:
    """Find letters that had to go on; a stranger's is right where it is, if it says why."""
    strangers = [letter for letter in seen.left if letter.item == STRANGER]
    count = len(strangers)
    if count < seen.strangers or (count > seen.strangers and not seen.copies):
        yield Finding(STRANGER, f"was put {seen.strangers} times and is a dead letter {count} times")
    for letter in strangers:
        if not letter.reason:
            yield Finding(STRANGER, f"lies in {letter.queue} without a reason")
    for letter in seen.left:
        if letter.item != STRANGER:
            yield Finding(letter.item, f"is still in {letter.queue}: {letter.reason or 'no reason given'}")


def _poison_that_passed(planned: Sequence[EventItem], seen: Seen) -> Iterator[Finding]:
    stopped = {letter.item for letter in seen.letters}
    for item in planned:
        if item.mending and item.event_id not in stopped:
            yield Finding(item.event_id, "was put broken and was never a dead letter")


def _links_too_many(planned: Sequence[EventItem], seen: Seen) -> Iterator[Finding]:
    """Find links that no event asked for; one may be under way just while its event is withdrawn."""
    asking = sum(item.story.earns_link or item.story is Story.WITHDRAWN for item in planned)
    if seen.links_given > asking:
        yield Finding("Bitly", f"gave {seen.links_given} distinct links for {asking} events")


def _endings(planned: Sequence[EventItem], seen: Seen, *, astray: set[str]) -> dict[str, int]:
    stopped = {letter.item for letter in seen.letters}
    counted: Counter[str] = Counter()
    for item in planned:
        if item.event_id in astray:
            counted[UNACCOUNTED] += 1
        elif item.event_id in stopped:
            counted[COMPLETED] += 1
        else:
            counted["shortened" if item.story.earns_link else f"skipped: {item.story}"] += 1
    return dict(sorted(counted.items(), key=lambda each: each[0] != "shortened"))


def _remarks(seen: Seen) -> tuple[str, ...]:
    first = Counter(f"{letter.reason} in {letter.queue}" for letter in seen.letters)
    stay = Counter(letter.queue for letter in seen.left if letter.item == STRANGER)
    return (
        *(f"dead letters at first: {count} x {what}" for what, count in sorted(first.items())),
        *(f"{STRANGER} stays in {queue}, {count} x" for queue, count in sorted(stay.items())),
    )


def _digest(items: Sequence[Mapping[str, Any]]) -> str:
    written = sorted(json.dumps(item, sort_keys=True, default=str) for item in items)
    return sha256("\n".join(written).encode()).hexdigest()[:16]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
