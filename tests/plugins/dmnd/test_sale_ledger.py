"""The books of sale-to-sms: what they let nobody get away with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from workers_dmnd.local.bitly import link_for
from workers_dmnd.local.sale_to_sms.cast import Fate, Part, draw_cast
from workers_dmnd.local.sale_to_sms.ledger import UNACCOUNTED, Accepted, Letter, Seen, judge, notification_id
from workers_dmnd.local.sale_to_sms.stories import Story

if TYPE_CHECKING:
    from worker_runtime.local.demo.outcome import Outcome
    from workers_dmnd.local.sale_to_sms.cast import Cast, Fan

FATES = (Fate.HELD, Fate.LINKED, Fate.SUPPRESSED, Fate.CANCELLED)


@pytest.fixture
def cast() -> Cast:
    parts = (*(Part(story) for story in Story), Part(Story.DELIVERED, sign_up=True))
    return draw_cast(1, fans=40, parts=parts, fates=FATES, now=1_700_000_000)


@pytest.fixture
def seen(cast: Cast) -> Seen:
    """What there is where all went well."""
    items = [item for fan in cast.fans if (item := notification(fan)) is not None]
    for sale in cast.sales:
        event, sold = sale.event_item(now=0), sale.sale_item(now=0)
        told = sum(fan.story.due.status is not None for fan in cast.of(sale))
        done = {"id": "DONE", "written": told} if sale.fate.is_told else {"id": "FAILED", "written": 0}
        link = None if sale.fate is Fate.SUPPRESSED else sale.own_link or bitly(sale.url)
        items += [{**event, "shortUrl": link}, {**sold, "generation": done}]
    accepted = [
        Accepted(f"{notification_id(fan)}:{nth}", fan.phone)
        for fan in cast.fans
        for nth in range(fan.story.due.fewest)
    ]
    return Seen(items=items, accepted=accepted, requests=len(accepted))


def notification(fan: Fan) -> dict[str, Any] | None:
    due = fan.story.due
    if due.status is None:
        return None
    status = {"id": str(due.status), "reason": due.reason}
    keys = {"PK": f"NTF#{notification_id(fan)}", "SK": "NTF"}
    return {**keys, "type": "notification", "status": status, "attempts": 1, "epoch": 0, "to": fan.phone}


def bitly(url: str) -> str:
    return link_for(url, domain="bit.ly")


def verdict(cast: Cast, seen: Seen) -> Outcome:
    return judge(cast, seen, link_for=bitly)


def first(cast: Cast, story: Story) -> Fan:
    return next(fan for fan in cast.fans if fan.story is story)


def changed(seen: Seen, fan: Fan, **attributes: Any) -> Seen:
    key = f"NTF#{notification_id(fan)}"
    return replace(seen, items=[{**each, **attributes} if each["PK"] == key else each for each in seen.items])


def problems(outcome: Outcome) -> list[str]:
    return [finding.problem for finding in outcome.findings]


def test_a_run_in_which_all_went_well_holds(cast: Cast, seen: Seen) -> None:
    outcome = verdict(cast, seen)

    assert problems(outcome) == []
    assert sum(outcome.endings.values()) == len(cast.fans)
    assert list(outcome.endings) == [story.value for story in Story]


def test_a_second_sms_of_one_who_is_due_one_is_found_whatever_epoch_the_item_has(
    cast: Cast, seen: Seen
) -> None:
    fan = first(cast, Story.DELIVERED)
    twice = [*seen.accepted, Accepted(f"{notification_id(fan)}:1", fan.phone)]

    outcome = verdict(cast, changed(replace(seen, accepted=twice, faults=True), fan, epoch=5))

    assert problems(outcome) == ["got 2 SMS, due are 1 to 1"]
    assert outcome.endings[UNACCOUNTED] == 1


def test_an_operator_s_retry_excuses_one_more_of_that_fan_alone(cast: Cast, seen: Seen) -> None:
    fan, other = first(cast, Story.DELIVERED), first(cast, Story.LATE_RECEIPT)
    twice = [
        *seen.accepted,
        *(Accepted(f"{notification_id(each)}:1", each.phone) for each in (fan, other)),
    ]

    outcome = verdict(cast, replace(seen, accepted=twice, retried={notification_id(fan): 1}))

    assert [finding.item for finding in outcome.findings] == [other.user_id]
    assert "retried by an operator: 1" in outcome.remarks


def test_a_fan_who_got_nothing_is_found(cast: Cast, seen: Seen) -> None:
    fan = first(cast, Story.DELIVERED)
    fewer = [each for each in seen.accepted if each.to != fan.phone]

    assert problems(verdict(cast, replace(seen, accepted=fewer))) == ["got 0 SMS, due are 1 to 1"]


def test_a_lost_notification_and_one_that_nobody_asked_for_are_found(cast: Cast, seen: Seen) -> None:
    fan = first(cast, Story.DELIVERED)
    key = f"NTF#{notification_id(fan)}"
    items = [{**each, "PK": "NTF#strange"} if each["PK"] == key else each for each in seen.items]

    assert problems(verdict(cast, replace(seen, items=items))) == [
        "has no notification",
        "is a notification that nobody asked for",
    ]


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ({"status": {"id": "SENT"}}, "is SENT, no reason; due is DELIVERED"),
        ({"attempts": 4}, "was attempted 4 times"),
        ({"GSI1PK": "NTFLEASE#1"}, "ended, but is in the index NTFLEASE#1"),
    ],
)
def test_another_end_than_is_due_is_found(
    cast: Cast, seen: Seen, attributes: dict[str, Any], problem: str
) -> None:
    outcome = verdict(cast, changed(seen, first(cast, Story.DELIVERED), **attributes))

    assert problems(outcome) == [problem]


def test_a_failure_for_another_reason_is_found(cast: Cast, seen: Seen) -> None:
    status = {"id": "FAILED", "reason": "30999: failed"}

    outcome = verdict(cast, changed(seen, first(cast, Story.FAILED_FOR_GOOD), status=status))

    assert problems(outcome) == ["is FAILED, 30999: failed; the reason has to name 30005"]


@pytest.mark.parametrize("story", [Story.OPTED_OUT, Story.NOT_ASKED, Story.NO_PHONE, Story.NOT_TOLD])
def test_an_sms_to_one_who_is_to_get_none_is_found(cast: Cast, seen: Seen, story: Story) -> None:
    fan = first(cast, story)

    outcome = verdict(cast, replace(seen, accepted=[*seen.accepted, Accepted("x:0", fan.phone)]))

    assert problems(outcome) == ["got 1 SMS, due is none"]


def test_an_sms_to_a_stranger_a_wrong_sale_and_a_letter_that_stays_are_found(cast: Cast, seen: Seen) -> None:
    sale = cast.sales[0]
    key = f"SALE#{sale.sale_id}"
    items = [
        {**each, "generation": {"id": "DUE", "written": 0}} if each["SK"] == key else each
        for each in seen.items
    ]
    left = [Letter("sms-status-dlq", "UNDECODABLE", expected=False)]

    outcome = verdict(
        cast,
        replace(
            seen,
            items=items,
            left=left,
            settled=False,
            accepted=[*seen.accepted, Accepted("x:0", "+15550009999")],
        ),
    )

    told = sum(fan.story.due.status is not None for fan in cast.of(sale))
    assert problems(outcome) == [
        "accepted 1 SMS to numbers of nobody's",
        f"ended DUE with 0; due is {('DONE', told)}",
        "still holds a dead letter: UNDECODABLE",
        "had not come to rest in time",
    ]


def test_the_state_changes_with_what_lasts_and_not_with_how_it_came_about(cast: Cast, seen: Seen) -> None:
    fan = first(cast, Story.DELIVERED)

    same = changed(seen, fan, attempts=3, epoch=2, version=9)
    other = changed(seen, fan, to="+15550000000")

    assert verdict(cast, same).state == verdict(cast, seen).state
    assert verdict(cast, other).state != verdict(cast, seen).state
