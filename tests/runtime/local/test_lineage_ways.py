"""A record's way: its causes up, its tries and what they made down, across workers."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from diary import (
    WORKER,
    Diary,
    bus_event,
    called,
    change,
    message,
    object_event,
    published,
    put,
    sent,
    stored,
    topic_event,
    updated,
)
from traced import made, tries, way
from worker_runtime.local.stage.lineage.happenings import EventHandedOver, Renamed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BILLING = "shop.bill"


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[Diary]:
    with closing(Diary(tmp_path)) as made:
        yield made


def test_a_record_is_followed_from_worker_to_worker(diary: Diary) -> None:
    diary.invoke(message("m-1"), does=[sent("m-2", queue="bills")])
    diary.invoke(message("m-2", queue="bills"), worker=BILLING, does=[put("order-1")])
    diary.invoke(change("100", {}, key="order-1"), worker="shop.pack")

    first = way(diary, "m-1")

    (second,) = made(first)[0].led_to
    (third,) = made(second)[0].led_to
    assert [first.worker, second.worker, third.worker] == [WORKER, BILLING, "shop.pack"]


def test_a_record_s_causes_are_told_from_the_first_one(diary: Diary) -> None:
    diary.invoke(message("m-1"), does=[sent("m-2", queue="bills")])
    diary.invoke(message("m-2", queue="bills"), worker=BILLING, does=[put("order-1")])
    diary.invoke(change("100", {}, key="order-1"), worker="shop.pack")

    causes = way(diary, "100").came_from

    assert [(cause.worker, cause.record, cause.thing) for cause in causes] == [
        (WORKER, "m-1", "m-2"),
        (BILLING, "m-2", "order-1 meta"),
    ]


def test_a_cause_that_is_one_of_a_batch_names_them_all(diary: Diary) -> None:
    diary.invoke(message("m-1"), message("m-2"), does=[sent("m-3", "whatever")])
    diary.invoke(message("m-3"))

    (cause,) = way(diary, "m-3").came_from

    assert cause.record is None
    assert cause.among == ("m-1", "m-2")


def test_what_another_record_of_the_batch_made_is_not_told(diary: Diary) -> None:
    records = [change("100", {}, key="order-1"), change("101", {}, key="order-2")]
    diary.invoke(*records, does=[sent("s-1", {"id": "order-1"}), sent("s-2", {"id": "order-2"}), sent("s-3")])

    told = made(way(diary, "100"))

    assert [(each.thing, each.sure) for each in told] == [("s-1", True), ("s-3", False)]


def test_a_message_that_was_held_back_is_found_under_the_id_it_came_with(diary: Diary) -> None:
    diary.invoke(message("m-1", "x"), does=[sent("told", "x", deferrals="1")])
    diary.note(Renamed("told", "m-2"))
    diary.invoke(message("m-2", "x"))

    (put_off,) = made(way(diary, "m-1"))

    assert put_off.kind == "deferral"
    assert [each.record for each in put_off.led_to] == ["m-2"]


@pytest.mark.parametrize(
    ("does", "event"),
    [
        (stored("a folder/+15550001234.json"), object_event("a folder/+15550001234.json")),
        (published("n-1"), topic_event("n-1")),
        (
            called("AWSEvents.PutEvents", {"Entries": [{}]}, {"Entries": [{"EventId": "e-1"}]}),
            bus_event("e-1"),
        ),
    ],
    ids=["object", "topic", "bus"],
)
def test_an_event_is_told_under_the_call_that_raised_it(diary: Diary, does: Any, event: bytes) -> None:
    diary.invoke(message("m-1"), does=[does])
    diary.note(EventHandedOver(BILLING, "tick", event))

    (cause,) = made(way(diary, "m-1"))

    (following,) = cause.led_to
    assert following.worker == BILLING
    assert "5550001" not in following.record


def test_each_change_of_an_item_finds_its_own_write(diary: Diary) -> None:
    key = "order-1"
    diary.invoke(message("m-1"), does=[put(key, state={"S": "new"})])
    diary.invoke(message("m-2"), does=[updated(key, state={"S": "paid"})])
    diary.invoke(message("m-3"), does=[updated(key, state={"S": "paid"})])  # changes nothing
    diary.invoke(message("m-4"), does=[updated(key, state={"S": "sent"}, weight={"N": "1.50"})])
    for sequence, state, more in (
        ("100", "new", {}),
        ("101", "paid", {}),
        ("102", "lost", {}),  # somebody else's
        ("103", "sent", {"weight": {"N": "1.5"}}),
    ):
        diary.invoke(change(sequence, {"state": {"S": state}, **more}, key=key), worker=BILLING)

    causes = {sequence: way(diary, sequence).came_from for sequence in ("100", "101", "102", "103")}

    assert {sequence: [cause.record for cause in told] for sequence, told in causes.items()} == {
        "100": ["m-1"],
        "101": ["m-2"],
        "102": [],
        "103": ["m-4"],
    }


def test_a_write_after_a_change_did_not_make_it(diary: Diary) -> None:
    diary.invoke(change("100", {"state": {"S": "new"}}, key="order-1"), worker=BILLING)
    _make_older(diary)

    diary.invoke(message("m-1"), does=[put("order-1", state={"S": "new"})])

    assert way(diary, "100").came_from == ()


def test_a_worker_that_feeds_itself_is_told_to_its_end(diary: Diary) -> None:
    for at in range(60):
        diary.invoke(message(f"m-{at}"), does=[sent(f"m-{at + 1}")])

    told = way(diary, "m-0")

    depth = 0
    while made(told) and made(told)[0].led_to:
        told, depth = made(told)[0].led_to[0], depth + 1
    assert depth > 20
    assert len(way(diary, "m-59").came_from) == 50


def test_a_fan_out_is_told_in_part_unless_all_is_asked_for(diary: Diary) -> None:
    diary.invoke(message("m-1"), does=[sent(f"s-{at}") for at in range(30)])

    some, everything = way(diary, "m-1"), way(diary, "m-1", shown=None)

    assert (len(made(some)), tries(some)[0].more) == (20, 10)
    assert len(made(everything)) == 30


def _make_older(diary: Diary) -> None:
    """Let what was received so far be of an hour ago of the machine's time."""
    diary.journal.flush()
    with closing(sqlite3.connect(diary.file, timeout=5)) as db:
        db.execute("UPDATE records SET wall = wall - 3600")
        db.commit()
