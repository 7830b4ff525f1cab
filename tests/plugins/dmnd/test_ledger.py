"""The demo's ledger must not hold when anything was lost, duplicated or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from workers_dmnd.local.short_links.event_items import Story, draw_items
from workers_dmnd.local.short_links.ledger import (
    COMPLETED,
    STRANGER,
    UNACCOUNTED,
    Letter,
    Seen,
    item_due,
    judge,
)

if TYPE_CHECKING:
    from worker_runtime.local.demo.outcome import Outcome
    from workers_dmnd.local.short_links.event_items import EventItem

LINK_QUEUE = "event-short-url-dlq"
STREAM_QUEUE = "demand-stream-to-sqs-dlq"


def link_for(url: str) -> str:
    return f"https://bit.ly/{sum(url.encode()):x}-{len(url)}"


@pytest.fixture
def planned() -> list[EventItem]:
    return draw_items(7, events=20, poison=False)


@pytest.fixture
def seen(planned: list[EventItem]) -> Seen:
    """What there is after a run in which all went well."""
    items = [{**item_due(item, link_for=link_for), "version": 2, "updatedAt": "later"} for item in planned]
    return Seen(items=items, links_given=sum(item.story.earns_link for item in planned))


def verdict(planned: list[EventItem], seen: Seen) -> Outcome:
    return judge(planned, seen, link_for=link_for)


def first(planned: list[EventItem], story: Story) -> EventItem:
    return next(item for item in planned if item.story is story)


def with_item(seen: Seen, event: EventItem, **changed: Any) -> Seen:
    items = [{**item, **changed} if item["PK"] == event.keys["PK"] else item for item in seen.items]
    return replace(seen, items=items)


def problems(outcome: Outcome, event: EventItem) -> list[str]:
    return [finding.problem for finding in outcome.findings if finding.item == event.event_id]


def test_a_run_in_which_all_went_well_holds(planned: list[EventItem], seen: Seen) -> None:
    outcome = verdict(planned, seen)

    assert outcome.holds
    assert sum(outcome.endings.values()) == 20
    assert outcome.endings["shortened"] == 14
    assert outcome.endings["skipped: suppressed"] == 2
    assert outcome.endings["skipped: already linked"] == 2
    assert outcome.endings["skipped: suppressed after it was enqueued"] == 2


def test_a_lost_item_is_found_by_its_id(planned: list[EventItem], seen: Seen) -> None:
    outcome = verdict(planned, replace(seen, items=seen.items[1:]))

    assert problems(outcome, planned[0]) == ["is gone from the table"]
    assert outcome.endings[UNACCOUNTED] == 1


def test_an_item_that_nobody_put_is_found(planned: list[EventItem], seen: Seen) -> None:
    copy = {**seen.items[0], "PK": "EVENT#COPY"}

    outcome = verdict(planned, replace(seen, items=[copy, *seen.items]))

    assert [finding.item for finding in outcome.findings] == ["EVENT#COPY EVENT"]


def test_a_second_item_under_an_events_key_is_found(planned: list[EventItem], seen: Seen) -> None:
    twin = {**seen.items[0], "SK": "EVENT#2"}

    outcome = verdict(planned, replace(seen, items=[twin, *seen.items]))

    assert [finding.item for finding in outcome.findings] == [f"{twin['PK']} EVENT#2"]


def test_an_event_without_its_link_is_found(planned: list[EventItem], seen: Seen) -> None:
    event = first(planned, Story.ANNOUNCED)
    items = [
        {name: value for name, value in item.items() if name != "shortUrl" or item["PK"] != event.keys["PK"]}
        for item in seen.items
    ]

    outcome = verdict(planned, replace(seen, items=items))

    assert len(problems(outcome, event)) == 1
    assert problems(outcome, event)[0].startswith("has no shortUrl")


def test_another_events_link_is_found(planned: list[EventItem], seen: Seen) -> None:
    event = first(planned, Story.ANNOUNCED)

    outcome = verdict(planned, with_item(seen, event, shortUrl=link_for("https://elsewhere.example")))

    assert problems(outcome, event)[0].startswith("shortUrl is")


@pytest.mark.parametrize("story", [Story.SUPPRESSED, Story.WITHDRAWN])
def test_a_link_of_a_suppressed_event_is_found(planned: list[EventItem], seen: Seen, story: Story) -> None:
    event = first(planned, story)

    outcome = verdict(planned, with_item(seen, event, shortUrl="https://bit.ly/x"))

    assert problems(outcome, event) == ["has shortUrl 'https://bit.ly/x', due is none"]


def test_a_changed_field_is_found(planned: list[EventItem], seen: Seen) -> None:
    event = first(planned, Story.RENAMED)

    outcome = verdict(planned, with_item(seen, event, name=event.put["name"]))

    assert problems(outcome, event)[0].startswith("name is")


def test_a_link_from_elsewhere_has_to_stay(planned: list[EventItem], seen: Seen) -> None:
    event = first(planned, Story.LINKED)

    outcome = verdict(planned, with_item(seen, event, shortUrl=link_for(event.put["url"])))

    assert problems(outcome, event)[0].startswith("shortUrl is")


def test_times_and_versions_may_differ(planned: list[EventItem], seen: Seen) -> None:
    event = first(planned, Story.ANNOUNCED)

    later = with_item(seen, event, version=9, shortUrlAt="2027-01-01T00:00:00.000Z", updatedAt="today")

    assert verdict(planned, later).holds
    assert verdict(planned, later).state == verdict(planned, seen).state


def test_a_dead_letter_that_is_left_is_found_by_its_event(planned: list[EventItem], seen: Seen) -> None:
    letter = Letter(LINK_QUEUE, "BAD_URL", planned[3].event_id)

    outcome = verdict(planned, replace(seen, letters=[letter], left=[letter]))

    assert problems(outcome, planned[3]) == ["is still in event-short-url-dlq: BAD_URL"]


def test_a_dead_letter_that_redrive_completed_is_counted_as_such(
    planned: list[EventItem], seen: Seen
) -> None:
    letter = Letter(LINK_QUEUE, "received too often", first(planned, Story.ANNOUNCED).event_id)

    outcome = verdict(planned, replace(seen, letters=[letter]))

    assert outcome.holds
    assert outcome.endings[COMPLETED] == 1
    assert outcome.endings["shortened"] == 13


def test_a_strangers_message_stays_a_dead_letter_with_its_reason(
    planned: list[EventItem], seen: Seen
) -> None:
    letter = Letter(LINK_QUEUE, "UNDECODABLE", STRANGER)

    outcome = verdict(planned, replace(seen, letters=[letter], left=[letter], strangers=1))

    assert outcome.holds
    assert outcome.remarks == (
        "dead letters at first: 1 x UNDECODABLE in event-short-url-dlq",
        "a stranger's message stays in event-short-url-dlq, 1 x",
    )


def test_a_strangers_message_may_be_there_twice_only_where_faults_repeat_records(
    planned: list[EventItem], seen: Seen
) -> None:
    twice = replace(seen, left=[Letter(LINK_QUEUE, "UNDECODABLE", STRANGER)] * 2, strangers=1)

    assert not verdict(planned, twice).holds
    assert verdict(planned, replace(twice, copies=True)).holds
    assert not verdict(planned, replace(twice, copies=True, left=[])).holds


@pytest.mark.parametrize(
    "left",
    [[], [Letter(LINK_QUEUE, "", STRANGER)], [Letter(LINK_QUEUE, "UNDECODABLE", STRANGER)] * 2],
    ids=["lost", "without a reason", "twice"],
)
def test_a_strangers_message_may_not_get_lost_double_or_end_unexplained(
    planned: list[EventItem], seen: Seen, left: list[Letter]
) -> None:
    outcome = verdict(planned, replace(seen, left=left, strangers=1))

    assert [finding.item for finding in outcome.findings] == [STRANGER]


def test_a_broken_item_that_was_never_stopped_is_found(seen: Seen) -> None:
    poisoned = draw_items(7, events=20, poison=True)
    broken = [item for item in poisoned if item.mending]

    outcome = verdict(poisoned, seen)

    assert {finding.item for finding in outcome.findings} == {item.event_id for item in broken}
    assert len(broken) == 2


def test_poison_ends_in_the_same_items_once_it_is_mended(planned: list[EventItem], seen: Seen) -> None:
    poisoned = draw_items(7, events=20, poison=True)
    letters = [Letter(STREAM_QUEUE, "any", item.event_id) for item in poisoned if item.mending]

    outcome = verdict(poisoned, replace(seen, letters=letters))

    assert outcome.holds
    assert outcome.state == verdict(planned, seen).state


def test_more_links_than_events_are_found(planned: list[EventItem], seen: Seen) -> None:
    outcome = verdict(planned, replace(seen, links_given=len(planned)))

    assert [finding.item for finding in outcome.findings] == ["Bitly"]


def test_a_stage_that_did_not_come_to_rest_is_found(planned: list[EventItem], seen: Seen) -> None:
    assert not verdict(planned, replace(seen, idle=False)).holds
