"""Each move is its row of the table: guard, target, place in the index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from demand_items import notification_item
from demand_table import FakeNotifications, FakeTable
from worker_runtime import clock
from worker_runtime.testing import SteppedClock
from workers_dmnd import transitions as rows
from workers_dmnd.keys import due_shard, lease_shard, notification_keys, shard16
from workers_dmnd.models import Notification, Pointer, Status
from workers_dmnd.moves import Guard, Move, Moves, client_message_id, moved, pointer, sending_of, spellings
from workers_dmnd.policy import DAY_S, NotificationPolicy, instant
from workers_dmnd.rules import timestamp
from workers_dmnd.transitions import FINAL, TRANSITIONS, Transition, Writer

NOW = 1_700_000_040.0
POLICY = NotificationPolicy()

Make = Callable[[Moves, Notification], Move]

MAKERS: dict[str, Make] = {
    "3": lambda moves, it: moves.release(replace(it, attempts=0)),
    "3a": lambda moves, it: moves.hold(it, until=NOW + 3600),
    "4": lambda moves, it: moves.release(replace(it, attempts=1)),
    "5": lambda moves, it: moves.suppress(it, reason="the event is suppressed"),
    "6": lambda moves, it: moves.expire(it),
    "7": lambda moves, it: moves.claim(it),
    "8a": lambda moves, it: moves.put_off(it, reason="no turn"),
    "8": lambda moves, it: moves.accept(it, message_id="m1"),
    "9": lambda moves, it: moves.fail_attempt(it, error="503", for_good=False),
    "10": lambda moves, it: moves.fail_attempt(it, error="INVALID_NUMBER", for_good=True),
    "11": lambda moves, it: moves.resume(it),
    "11a": lambda moves, it: moves.nudge(it),
    "12": lambda moves, it: moves.deliver(it, at=timestamp(NOW), message_id="m1"),
    "13": lambda moves, it: moves.fail_delivery(it, error="30001", for_good=False),
    "14": lambda moves, it: moves.fail_delivery(it, error="30005", for_good=True),
    "15": lambda moves, it: moves.deliver(it, at=timestamp(NOW), message_id="m1"),
    "16": lambda moves, it: moves.reopen(it, reason="the fan asked"),
}
WAYS = [(row, source) for row in TRANSITIONS for source in row.sources]


def moves(by: Writer = Writer.SENDER, **policy: Any) -> Moves:
    return Moves(NotificationPolicy(**policy), now=NOW, by=by)


def notification(status: Status | str, **changed: Any) -> tuple[FakeTable, Notification]:
    """Put a notification of a status whose lease has run out, and read it."""
    with clock.using(SteppedClock(NOW)):
        if status == Status.SENDING:
            changed = {"leaseUntil": timestamp(NOW - 1), **changed}
        table = FakeTable()
        table.put_notification(status=str(status), **changed)
    found = FakeNotifications(table).find("n1")
    assert found is not None
    return table, found


def after(table: FakeTable, move: Move) -> dict[str, Any]:
    assert FakeNotifications(table).make("n1", move)
    item = table.item(notification_keys("n1"))
    assert item is not None
    return item


@pytest.mark.parametrize(("row", "source"), WAYS, ids=[f"{row.number} from {source}" for row, source in WAYS])
def test_a_move_leads_from_its_rows_sources_to_its_target(row: Transition, source: Status) -> None:
    table, found = notification(source)
    move = MAKERS[row.number](moves(row.writers[0]), found)

    item = after(table, move)

    assert move.transition is row
    assert move.guards[0] == Guard("status.id", "in", spellings(row.sources))
    assert item["status"] == {
        "id": (row.target or source).value,
        "at": timestamp(NOW),
        "by": row.writers[0].value,
        **({"reason": item["status"]["reason"]} if "reason" in item["status"] else {}),
    }
    assert (item["version"], item["updatedAt"]) == (2, timestamp(NOW))


@pytest.mark.parametrize(("row", "source"), WAYS, ids=[f"{row.number} from {source}" for row, source in WAYS])
def test_a_move_places_the_notification_where_its_status_belongs(row: Transition, source: Status) -> None:
    table, found = notification(source)

    item = after(table, MAKERS[row.number](moves(), found))

    status, shard = Status(item["status"]["id"]), shard16("n1")
    place = (item.get("GSI1PK"), item.get("GSI1SK"))
    if status is Status.PENDING:
        assert place == (due_shard(shard), item["sendAt"])
    elif status in (Status.CREATED, Status.RETRY):
        assert place == (lease_shard(shard), timestamp(NOW + 600))
    elif status is Status.SENDING:
        assert place == (lease_shard(shard), item["leaseUntil"])
    else:
        assert place == (None, None)
    assert ("leaseUntil" in item) is (status is Status.SENDING)


@pytest.mark.parametrize("row", [row for row in TRANSITIONS if row.sources], ids=lambda row: row.number)
def test_no_move_is_made_from_any_other_status(row: Transition) -> None:
    others = set(Status) - set(row.sources)
    made = []
    for other in others:
        table, found = notification(other)
        move = MAKERS[row.number](moves(), found)
        if move.transition is row:  # 12 and 15 are one maker
            made.append(FakeNotifications(table).make("n1", move))

    assert not any(made)


@pytest.mark.parametrize(
    ("number", "status", "meanwhile"),
    [
        ("3", "PENDING", {"version": 2}),
        ("3", "PENDING", {"sendAt": timestamp(NOW + 1)}),
        ("3a", "PENDING", {"sendAt": timestamp(NOW + 1)}),
        ("6", "CREATED", {"expiresAt": timestamp(NOW + 2 * DAY_S)}),
        ("7", "CREATED", {"version": 2}),
        ("8a", "RETRY", {"version": 2}),
        ("8", "SENDING", {"clientMessageId": "n1:1"}),
        ("9", "SENDING", {"clientMessageId": "n1:1"}),
        ("9", "SENDING", {"leaseUntil": timestamp(NOW + 60)}),
        ("10", "SENDING", {"leaseUntil": timestamp(NOW + 60)}),
        ("11", "SENDING", {"leaseUntil": timestamp(NOW)}),
        ("11a", "CREATED", {"version": 2}),
        ("13", "SENT", {"epoch": 1}),
        ("13", "SENDING", {"attempts": 2}),
        ("14", "SENT", {"epoch": 1}),
        ("16", "FAILED", {"epoch": 1}),
    ],
)
def test_what_changed_meanwhile_forbids_a_move(number: str, status: str, meanwhile: dict[str, Any]) -> None:
    table, found = notification(status)
    move = MAKERS[number](moves(), found)
    item = table.item(notification_keys("n1"))
    table.put({**(item or {}), **meanwhile})

    assert not FakeNotifications(table).make("n1", move)


@pytest.mark.parametrize("status", ["scheduled", "created", "retry"])
def test_a_notification_in_an_older_writers_words_is_claimed(status: str) -> None:
    table, found = notification(status)

    item = after(table, moves().claim(found))

    assert item["status"]["id"] == "SENDING"


@pytest.mark.parametrize(("resume", "attempts"), [(False, 2), (True, 1)])
def test_a_claim_is_an_attempt_more_unless_it_resumes_one(resume: bool, attempts: int) -> None:
    table, found = notification("RETRY", attempts=1, resume=resume)

    item = after(table, moves().claim(found))

    assert item["attempts"] == attempts
    assert item["clientMessageId"] == "n1:0"
    assert item["leaseUntil"] == timestamp(NOW + 120)
    assert "resume" not in item


@pytest.mark.parametrize(("attempts", "backoff_s"), [(1, 60), (2, 300)])
def test_an_attempt_that_failed_waits_longer_each_time(attempts: int, backoff_s: float) -> None:
    table, found = notification("SENDING", attempts=attempts)

    item = after(table, moves().fail_attempt(found, error="503", for_good=False))

    assert 0.8 * backoff_s <= instant(item["sendAt"]) - NOW <= 1.2 * backoff_s
    assert (item["attempts"], item["epoch"], item["lastError"]) == (attempts, 0, "503")


def test_the_third_failed_attempt_is_the_last() -> None:
    _, found = notification("SENDING", attempts=3)

    assert moves().fail_attempt(found, error="503", for_good=False).transition is rows.GIVE_UP
    assert moves().fail_delivery(found, error="30001", for_good=False).transition is rows.FAIL


def test_what_was_not_delivered_is_sent_again_under_another_name() -> None:
    table, found = notification("SENT")

    item = after(table, moves(Writer.RECEIPTS).fail_delivery(found, error="30001", for_good=False))

    assert (item["epoch"], item["attempts"]) == (1, 1)
    assert {"messageId", "clientMessageId", "resume", "leaseUntil"}.isdisjoint(item)


def test_what_is_reopened_begins_anew_under_another_name() -> None:
    table, found = notification("FAILED", attempts=3, epoch=2, messageId="m", clientMessageId="n1:2", ttl=5)

    item = after(table, moves(Writer.OPERATOR).reopen(found, reason="the fan asked"))

    assert (item["attempts"], item["epoch"]) == (0, 3)
    assert item["expiresAt"] == timestamp(NOW + DAY_S)
    assert item["status"]["reason"] == "the fan asked"
    assert {"messageId", "clientMessageId", "ttl"}.isdisjoint(item)


def test_being_put_off_spends_no_attempt_and_forgets_no_sending() -> None:
    table, found = notification("RETRY", attempts=1, resume=True)

    item = after(table, moves().put_off(found, reason="no turn"))

    assert (item["attempts"], item["resume"]) == (1, True)
    assert item["sendAt"] == timestamp(NOW + 10)


@pytest.mark.parametrize("number", ["5", "6", "10", "12", "14", "15"])
@pytest.mark.parametrize(("kept_days", "ttl"), [(None, None), (30, int(NOW) + 30 * DAY_S)])
def test_an_end_is_forgotten_only_where_the_policy_says_so(
    number: str, kept_days: int | None, ttl: int | None
) -> None:
    (row,) = (row for row in TRANSITIONS if row.number == number)
    table, found = notification(row.sources[0])

    item = after(table, MAKERS[number](moves(retention_days=kept_days), found))

    assert item["status"]["id"] in FINAL
    assert item.get("ttl") == ttl


@pytest.mark.parametrize("expires_at", [None, timestamp(NOW - 1)])
def test_what_does_not_say_when_it_expires_expires_after_a_day(expires_at: str | None) -> None:
    _, found = notification("PENDING", sendAt=timestamp(NOW - DAY_S - 1), expiresAt=expires_at)
    _, younger = notification("PENDING", sendAt=timestamp(NOW - DAY_S), expiresAt=None)

    assert moves().is_expired(found)
    assert not moves().is_expired(younger)


@pytest.mark.parametrize(
    ("number", "status"), [("3a", "PENDING"), ("8a", "CREATED"), ("9", "SENDING"), ("13", "SENT")]
)
def test_what_waits_for_another_time_expires_no_later_for_that(number: str, status: str) -> None:
    table, found = notification(status, sendAt=timestamp(NOW - 60), expiresAt=None)

    item = after(table, MAKERS[number](moves(), found))

    assert item["sendAt"] > timestamp(NOW)
    assert item["expiresAt"] == timestamp(NOW - 60 + DAY_S)


@pytest.mark.parametrize(("row", "source"), WAYS, ids=[f"{row.number} from {source}" for row, source in WAYS])
def test_what_a_writer_expects_after_its_move_is_what_stands_in_the_table(
    row: Transition, source: Status
) -> None:
    table, found = notification(source)
    move = MAKERS[row.number](moves(), found)

    expected = moved(found, move)

    after(table, move)
    assert FakeNotifications(table).find("n1") == expected


@given(st.text(min_size=1), st.integers(min_value=0))
def test_a_sending_is_told_from_its_name(notification_id: str, epoch: int) -> None:
    item = notification_item(notification_id, epoch=epoch)
    it = Notification(
        notification_id=item["notificationId"],
        user_id="u1",
        event_id="e1",
        to="+12125550123",
        template_id="t",
        send_at=item["sendAt"],
        status=notification("PENDING")[1].status,
        epoch=epoch,
    )

    assert sending_of(client_message_id(it)) == (notification_id, epoch)
    assert pointer(it, message_id="m1") == Pointer("m1", notification_id, client_message_id(it))


@pytest.mark.parametrize("name", ["", "n1", ":1", "n1:", "n1:x", "n1:-1", "n1:1.0", "n1:²"])
def test_what_is_not_the_name_of_a_sending_is_none(name: str) -> None:
    assert sending_of(name) is None
