from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

import pytest

from workers_dmnd.local.short_links.event_items import CANARIES, HOST, Story, draw_items, garbage
from workers_dmnd.rules import may_shorten


@pytest.mark.parametrize("events", [10, 50, 333])
def test_a_draw_has_as_many_items_as_asked_and_every_story(events: int) -> None:
    items = draw_items(1, events=events, poison=False)

    assert len({item.event_id for item in items}) == events
    assert set(Counter(item.story for item in items)) == set(Story)


def test_the_same_seed_draws_the_same_items_and_another_seed_others() -> None:
    assert draw_items(1, events=20, poison=True) == draw_items(1, events=20, poison=True)
    assert draw_items(1, events=20, poison=True) != draw_items(2, events=20, poison=True)


def test_no_two_events_share_a_url() -> None:
    items = draw_items(3, events=200, poison=False)

    assert len({item.intended["url"] for item in items}) == 200


def test_poison_changes_what_is_put_but_not_what_is_intended() -> None:
    sound = draw_items(1, events=20, poison=False)
    poisoned = draw_items(1, events=20, poison=True)

    assert [item.intended for item in poisoned] == [item.intended for item in sound]
    assert sum(poisoned[at].put != sound[at].put for at in range(20)) == 2


def test_only_misaddressed_items_are_refused_by_the_rule_for_urls() -> None:
    items = draw_items(1, events=50, poison=True)

    refused = [item for item in items if not may_shorten(item.put["url"], allowed_hosts=["ticketmaster.com"])]

    assert [set(item.mending) for item in refused] == [{"url"}]
    assert urlsplit(refused[0].mending["url"]).hostname == HOST


def test_every_canary_is_among_the_input() -> None:
    poisoned = draw_items(1, events=50, poison=True)

    text = " ".join(str(item.put) for item in poisoned).replace("%40", "@").replace("%2B", "+") + garbage()

    missing = [each for pair in CANARIES.values() for each in pair if each not in text]
    assert missing == []
