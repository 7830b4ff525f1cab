"""What is decided without asking anybody: pure functions of their arguments."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import sha256
from math import ceil
from typing import TYPE_CHECKING, Final

from worker_runtime import Skip

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker_runtime import Change, Record
    from workers_dmnd.models import Event

    EventChange = Record[Change[Event]]

MINUTE_S: Final = 60
LONGEST_WAIT_S: Final = 900  # SQS delays a message no longer

# Stricter than any URL parser: no user, no port, no backslash, which browsers and parsers read differently.
_HTTPS: Final = re.compile(r"https://(?P<host>[a-z0-9.-]+)(?:[/?#][^\s\x00-\x1f\x7f]*)?", re.IGNORECASE)


def by_event(changes: Iterable[EventChange]) -> dict[str, list[EventChange]]:
    """Gather the changes of each event, its newest first; removals belong to none.

    Changes may come twice and out of order, so the time of the change counts.
    """
    events: dict[str, list[EventChange]] = {}
    for change in changes:
        if change.body.new is not None:
            events.setdefault(change.body.new.id, []).append(change)
    for gathered in events.values():
        gathered.sort(key=lambda change: change.body.created_at, reverse=True)
    return events


def wanting_link(event: Event | None) -> Event:
    """Return the event if it is to get a short link, else raise Skip."""
    if event is None:
        raise Skip("the event is gone")
    if event.is_suppressed:
        raise Skip("the event is suppressed")
    if event.short_url is not None:
        raise Skip("the event has a short link")
    return event


def may_shorten(url: str, *, allowed_hosts: Iterable[str]) -> bool:
    """Say whether a URL is https and leads to an allowed host or a subdomain of one."""
    parts = _HTTPS.fullmatch(url)
    if parts is None:
        return False
    host = f".{parts['host'].lower()}"
    return any(host.endswith(f".{allowed.lower()}") for allowed in allowed_hosts)


def link_key(url: str, *, domain: str, group_guid: str) -> str:
    """Name the cache's key for the link that Bitly gives a URL in this domain and group."""
    return f"bitly:{sha256(f'{domain}|{group_guid}|{url}'.encode()).hexdigest()}"


def minute_of(at: float) -> int:
    """Return the minute since the epoch that a time (epoch seconds) falls into."""
    return int(at // MINUTE_S)


def minute_end(at: float) -> float:
    """Return the time at which the minute of a time ends."""
    return float((minute_of(at) + 1) * MINUTE_S)


def wait_for_turn_s(asked: int, *, per_minute: int, now: float, blocked_until: float) -> float:
    """Return the seconds that the ``asked``-th caller of this minute has to wait; 0 where it may call.

    Whoever comes too late gets a place in line, at the pace of ``per_minute`` from the moment the next
    call is free: many callers would else come back at once, and most of them in vain.
    """
    if asked > per_minute and blocked_until <= minute_end(now):
        free_at, ahead = minute_end(now), asked - per_minute - 1
    elif now < blocked_until:
        free_at, ahead = blocked_until, asked - 1
    else:
        return 0
    return min(ceil(free_at - now + ahead * MINUTE_S / per_minute), LONGEST_WAIT_S)


def timestamp(at: float) -> str:
    """Write a time (epoch seconds) as the table does: ``2026-01-31T09:30:00.000Z``."""
    return datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
