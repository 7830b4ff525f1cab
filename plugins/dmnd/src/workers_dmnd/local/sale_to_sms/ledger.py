"""The scenario's books: each fan's story has ended as it has to, with one SMS a sending and none to nobody.

Kept outside the workers: it knows who was cast, the table, what the SMS service accepted and the dead
letters, never the workers' logs or metrics. Ids of notifications are computed here once more.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from worker_runtime.local.demo.outcome import Finding, Outcome
from workers_dmnd.local.sale_to_sms.cast import TEMPLATE, Fate
from workers_dmnd.local.sale_to_sms.stories import Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workers_dmnd.local.sale_to_sms.cast import Cast, Fan, Sold

UNACCOUNTED: Final = "not accounted for"
MOST_ATTEMPTS: Final = 3


class Accepted(Struct, frozen=True):
    """An SMS that the service accepted: which sending it is, and to whom."""

    client_message_id: str
    to: str


class Letter(Struct, frozen=True):
    """A dead letter: where it lies and why; ``expected`` where nobody can mend what it holds."""

    queue: str
    reason: str
    expected: bool


class Seen(Struct, frozen=True, kw_only=True):
    """What there is in the end; ``faults`` is whether any were in play.

    ``retried`` says how often an operator had a notification sent again, by its id.
    """

    items: Sequence[Mapping[str, Any]]
    accepted: Sequence[Accepted]
    requests: int
    letters: Sequence[Letter] = ()
    left: Sequence[Letter] = ()
    poison: int = 0
    retried: Mapping[str, int] = {}
    faults: bool = False
    settled: bool = True


def judge(cast: Cast, seen: Seen, *, link_for: Callable[[str], str]) -> Outcome:
    """Settle what became of every fan, sale and event; ``link_for`` tells the link of a long URL."""
    items = {f"{item['PK']} {item['SK']}": item for item in seen.items}
    endings: Counter[str] = Counter()
    findings: list[Finding] = []
    for fan in cast.fans:
        problems = [Finding(fan.user_id, problem) for problem in _astray(fan, items, seen)]
        endings[UNACCOUNTED if problems else fan.story.value] += 1
        findings += problems
    findings += [
        *_strange_notifications(cast, seen),
        *_strange_numbers(cast, seen),
        *(finding for sale in cast.sales for finding in _sale_astray(sale, cast, items, link_for=link_for)),
        *_letters_left(seen),
        *([] if seen.settled else [Finding("the stage", "had not come to rest in time")]),
    ]
    order = list(Story)
    return Outcome(
        endings=dict(sorted(endings.items(), key=lambda each: _place(each[0], order))),
        findings=tuple(findings),
        remarks=tuple(_remarks(cast, items, seen)),
        state=_digest(cast, items),
    )


def notification_id(fan: Fan) -> str:
    """Compute the id that a fan's notification has to have."""
    if fan.sale is None:
        return fan.confirmation_id
    named = ("v1", "notification", fan.sale.sale_id, fan.sale.event_id, fan.user_id, TEMPLATE, "sms")
    return sha256("|".join(named).encode()).hexdigest()[:32]


def _astray(fan: Fan, items: Mapping[str, Mapping[str, Any]], seen: Seen) -> Iterator[str]:
    item = items.get(f"NTF#{notification_id(fan)} NTF")
    sendings = [each.client_message_id for each in seen.accepted if each.to == fan.phone]
    due = fan.story.due
    if due.status is None:
        if item is not None:
            yield f"has a notification ({item['status']['id']}), due is none"
        if sendings:
            yield f"got {len(sendings)} SMS, due is none"
        return
    if item is None:
        yield "has no notification"
        return
    yield from _wrongly_ended(item, fan)
    most = due.most * (1 + seen.retried.get(notification_id(fan), 0))
    if not due.fewest <= len(sendings) <= most:
        yield f"got {len(sendings)} SMS, due are {due.fewest} to {most}"


def _wrongly_ended(item: Mapping[str, Any], fan: Fan) -> Iterator[str]:
    due, status = fan.story.due, item["status"]
    said = f"{status['id']}, {status.get('reason') or item.get('lastError') or 'no reason'}"
    if status["id"] != due.status:
        yield f"is {said}; due is {due.status}"
    elif due.reason and due.reason not in said:
        yield f"is {said}; the reason has to name {due.reason}"
    if int(item["attempts"]) > MOST_ATTEMPTS:
        yield f"was attempted {item['attempts']} times"
    if "GSI1PK" in item:
        yield f"ended, but is in the index {item['GSI1PK']}"


def _strange_notifications(cast: Cast, seen: Seen) -> Iterator[Finding]:
    planned = {notification_id(fan) for fan in cast.fans}
    for item in seen.items:
        found = str(item["PK"]).removeprefix("NTF#")
        if item["SK"] == "NTF" and str(item["PK"]).startswith("NTF#") and found not in planned:
            yield Finding(found, "is a notification that nobody asked for")


def _strange_numbers(cast: Cast, seen: Seen) -> Iterator[Finding]:
    known = {fan.phone for fan in cast.fans}
    strange = sum(each.to not in known for each in seen.accepted)
    if strange:
        yield Finding("SMS service", f"accepted {strange} SMS to numbers of nobody's")


def _sale_astray(
    sale: Sold, cast: Cast, items: Mapping[str, Mapping[str, Any]], *, link_for: Callable[[str], str]
) -> Iterator[Finding]:
    event = items.get(f"EVENT#{sale.event_id} EVENT")
    found = items.get(f"EVENT#{sale.event_id} SALE#{sale.sale_id}")
    if event is None or found is None:
        yield Finding(sale.sale_id, "is gone from the table, or its event is")
        return
    generation = found["generation"]
    told = sum(fan.story.due.status is not None for fan in cast.of(sale))
    due = ("DONE", told) if sale.fate.is_told else ("FAILED", 0)
    if (generation["id"], int(generation["written"])) != due:
        yield Finding(sale.sale_id, f"ended {generation['id']} with {generation['written']}; due is {due}")
    link = None if sale.fate is Fate.SUPPRESSED else sale.own_link or link_for(sale.url)
    if event.get("shortUrl") != link:
        yield Finding(sale.event_id, f"has the link {event.get('shortUrl')}, due is {link}")


def _letters_left(seen: Seen) -> Iterator[Finding]:
    stay = sum(letter.expected for letter in seen.left)
    if stay < seen.poison or (stay > seen.poison and not seen.faults):
        yield Finding("poison", f"was put {seen.poison} times and is a dead letter {stay} times")
    for letter in seen.left:
        if not letter.expected:
            yield Finding(letter.queue, f"still holds a dead letter: {letter.reason or 'no reason given'}")


def _remarks(cast: Cast, items: Mapping[str, Mapping[str, Any]], seen: Seen) -> Iterator[str]:
    states = Counter(
        item["status"]["id"] for key, item in items.items() if key.startswith("NTF#") and key.endswith(" NTF")
    )
    yield "notifications: " + ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    generations = [
        items[key]["generation"]
        for sale in cast.sales
        if (key := f"EVENT#{sale.event_id} SALE#{sale.sale_id}") in items
    ]
    ended = Counter(each["id"] for each in generations)
    yield "sales: " + ", ".join(f"{count} {state}" for state, count in sorted(ended.items()))
    off = Counter(each.get("error") for each in generations if each["id"] == "FAILED")
    yield from (f"why a sale is FAILED: {count} x {why}" for why, count in sorted(off.items(), key=str))
    yield f"SMS service: {len(seen.accepted)} accepted, {seen.requests} requests"
    first = Counter(f"{letter.reason} in {letter.queue}" for letter in seen.letters)
    yield from (f"dead letters at first: {count} x {what}" for what, count in sorted(first.items()))
    if seen.retried:
        yield f"retried by an operator: {sum(seen.retried.values())}"


def _digest(cast: Cast, items: Mapping[str, Mapping[str, Any]]) -> str:
    """Sum up the final state without times, versions and counts of attempts."""
    states: list[Any] = []
    for fan in cast.fans:
        item = items.get(f"NTF#{notification_id(fan)} NTF", {})
        lasting = {name: item.get(name) for name in ("to", "templateId", "vars", "locale", "type")}
        states.append([fan.user_id, item.get("status", {}).get("id"), lasting])
    for sale in cast.sales:
        event = items.get(f"EVENT#{sale.event_id} EVENT", {})
        generation = items.get(f"EVENT#{sale.event_id} SALE#{sale.sale_id}", {}).get("generation", {})
        states.append([sale.sale_id, generation.get("id"), generation.get("written"), event.get("shortUrl")])
    return sha256(json.dumps(states, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _place(ending: str, order: list[Story]) -> int:
    return next((at for at, story in enumerate(order) if story.value == ending), len(order))
