from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker_runtime import Change, Record, Skip
from workers_dmnd.models import Event
from workers_dmnd.rules import (
    LONGEST_WAIT_S,
    by_event,
    link_key,
    may_shorten,
    minute_of,
    timestamp,
    wait_for_turn_s,
    wanting_link,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

HOSTS = ("ticketmaster.com", "livenation.com")
MINUTE = 1_700_000_040.0  # a full one


def never(image: Mapping[str, Any]) -> Event:
    raise AssertionError(f"nobody asks for {image}")


def changed(event_id: str | None, *, at: float = 0, record_id: str = "1") -> Record[Change[Event]]:
    new = None if event_id is None else Event(id=event_id, url="https://x", is_suppressed=False)
    wire: dict[str, Any] = {"ApproximateCreationDateTime": at}
    change = Change(id=record_id, name="MODIFY", table="demand-table", new=new, wire=wire, decode=never)
    return Record(record_id, change, {})


def test_an_event_is_gathered_once_however_often_it_changed() -> None:
    changes = [changed("a", record_id="1"), changed("b", record_id="2"), changed("a", record_id="3")]

    gathered = by_event(changes)

    assert {event: len(of) for event, of in gathered.items()} == {"a": 2, "b": 1}


def test_the_newest_change_is_first_in_whatever_order_they_arrive() -> None:
    changes = [
        changed("a", at=20, record_id="middle"),
        changed("a", at=30, record_id="newest"),
        changed("a", at=10, record_id="oldest"),
    ]

    gathered = by_event(changes)

    assert [change.id for change in gathered["a"]] == ["newest", "middle", "oldest"]


def test_a_removal_belongs_to_no_event() -> None:
    assert by_event([changed(None)]) == {}


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (None, "gone"),
        (Event(id="e", url="https://x", is_suppressed=True), "suppressed"),
        (
            Event(id="e", url="https://x", is_suppressed=False, short_url="https://bit.ly/1"),
            "has a short link",
        ),
    ],
)
def test_an_event_that_needs_no_link_is_skipped(event: Event | None, reason: str) -> None:
    with pytest.raises(Skip, match=reason):
        wanting_link(event)


def test_an_event_without_a_link_wants_one() -> None:
    event = Event(id="e", url="https://x", is_suppressed=False)

    assert wanting_link(event) is event


@pytest.mark.parametrize(
    "url",
    [
        "https://ticketmaster.com",
        "https://ticketmaster.com/",
        "https://www.ticketmaster.com/the-night-owls/event/0A00?tm=1#seats",
        "https://WWW.Ticketmaster.COM/event/1",
        "https://m.livenation.com?id=1",
    ],
)
def test_https_on_an_allowed_host_or_a_subdomain_may_be_shortened(url: str) -> None:
    assert may_shorten(url, allowed_hosts=HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ticketmaster.com/event/1",
        "http://www.ticketmaster.com/event/1",
        "ftp://www.ticketmaster.com/event/1",
        "https://example.net/ticketmaster.com",
        "https://notticketmaster.com/event/1",
        "https://ticketmaster.com.example.net/event/1",
        "https://ticketmaster.com@example.net/event/1",
        "https://user:pass@ticketmaster.com/event/1",
        "https://example.net\\.ticketmaster.com/event/1",
        "https://example.net\n.ticketmaster.com/",
        "https://example.net%2f.ticketmaster.com/",
        "https://www.ticketmaster.com:8443/event/1",
        "https://www.ticketmaster.com/event/1 https://example.net",
        "https://t\u0131cketmaster.com/",
        " https://www.ticketmaster.com/",
        "https://www.ticketmaster.com/\n",
    ],
)
def test_any_other_url_may_not_be_shortened(url: str) -> None:
    assert not may_shorten(url, allowed_hosts=HOSTS)


def test_a_links_key_is_told_by_domain_group_and_url() -> None:
    key = link_key("https://x/1", domain="bit.ly", group_guid="G")

    assert key == "bitly:" + sha256(b"bit.ly|G|https://x/1").hexdigest()
    assert key != link_key("https://x/1", domain="bit.ly", group_guid="H")


def test_a_minute_ends_with_its_last_second() -> None:
    assert minute_of(MINUTE + 59.9) == minute_of(MINUTE)
    assert minute_of(MINUTE + 60) == minute_of(MINUTE) + 1


def test_callers_within_the_limit_do_not_wait() -> None:
    waits = [wait_for_turn_s(asked, per_minute=3, now=MINUTE, blocked_until=0) for asked in (1, 2, 3)]

    assert waits == [0, 0, 0]


def test_callers_past_the_limit_wait_in_line_from_the_next_minute_on() -> None:
    waits = [wait_for_turn_s(asked, per_minute=3, now=MINUTE + 45, blocked_until=0) for asked in (4, 5, 6, 7)]

    assert waits == [15, 35, 55, 75]  # three a minute


def test_while_blocked_everybody_waits_in_line_for_its_end() -> None:
    waits = [
        wait_for_turn_s(asked, per_minute=60, now=MINUTE, blocked_until=MINUTE + 300) for asked in (1, 2, 3)
    ]

    assert waits == [300, 301, 302]


def test_a_minute_that_is_spent_and_blocked_keeps_its_line() -> None:
    waits = [
        wait_for_turn_s(asked, per_minute=2, now=MINUTE, blocked_until=MINUTE + 60) for asked in (3, 4, 5)
    ]

    assert waits == [60, 90, 120]


def test_a_block_that_has_ended_holds_nobody() -> None:
    assert wait_for_turn_s(1, per_minute=1, now=MINUTE, blocked_until=MINUTE) == 0


@given(
    asked=st.integers(1, 10**6),
    per_minute=st.integers(1, 1000),
    now=st.floats(MINUTE, MINUTE + 10**6),
    blocked_s=st.floats(-100, 10**5),
)
def test_nobody_waits_longer_than_a_message_can_or_less_than_until_a_call_is_free(
    asked: int, per_minute: int, now: float, blocked_s: float
) -> None:
    wait_s = wait_for_turn_s(asked, per_minute=per_minute, now=now, blocked_until=now + blocked_s)

    assert 0 <= wait_s <= LONGEST_WAIT_S
    if blocked_s > 0:
        assert wait_s >= min(blocked_s, LONGEST_WAIT_S) - 0.001
    elif asked > per_minute:
        assert minute_of(now + wait_s + 0.001) > minute_of(now)


def test_a_timestamp_has_milliseconds_and_says_that_it_is_utc() -> None:
    at = datetime(2026, 1, 31, 9, 30, tzinfo=UTC).timestamp()

    assert timestamp(at) == "2026-01-31T09:30:00.000Z"
