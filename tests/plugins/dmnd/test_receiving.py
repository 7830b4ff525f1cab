"""Every state of a notification against every receipt: what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from demand_seen import stored
from demand_table import FakeNotifications, FakeTable
from worker_runtime import Metrics, Reject, Retry, clock
from workers_dmnd.models import SmsStatus
from workers_dmnd.moves import Move, Moves
from workers_dmnd.policy import NotificationPolicy
from workers_dmnd.receiving import Standing, apply_receipt, decide
from workers_dmnd.rules import timestamp
from workers_dmnd.transitions import Writer
from workers_dmnd.weight import reported_at

if TYPE_CHECKING:
    from demand_table import Key
    from worker_runtime.testing import SteppedClock

EPOCH = 1  # of the notification at hand; 0 is a sending of the past, 2 one that it does not know of


def receipt(status: str = "delivered", *, code: str | None = None, at: float | str = 0) -> SmsStatus:
    return SmsStatus("m1", status, at or clock.now(), None, code)  # type: ignore[arg-type] # any word, to be short


def the_moves() -> Moves:
    return Moves(NotificationPolicy(), now=clock.now(), by=Writer.RECEIPTS)


def a_notification(table: FakeTable, *, status: str, attempts: int = 1, **changed: Any) -> None:
    table.put_notification(status=status, epoch=EPOCH, attempts=attempts, **changed)


@pytest.fixture
def table(stepped: SteppedClock) -> FakeTable:
    assert clock.current() is stepped
    return FakeTable()


def apply(table: FakeTable, said: SmsStatus, metrics: Metrics, *, epoch: int = EPOCH) -> bool:
    return apply_receipt(
        said,
        ("n1", epoch),
        notifications=FakeNotifications(table),
        moves=the_moves(),
        metrics=metrics,
    )


DELIVERED, PASSING = ("delivered", None), ("undelivered", "30003")
FOR_GOOD = (("undelivered", "30006"), ("undelivered", None), ("failed", None), ("failed", "30003"))
BY_STATE = {  # the number of the transition; yes: settled, nothing to do; no: not yet, to be parked
    #            delivered | of epoch 0, 1, 2: undelivered, passing | the same for good
    "PENDING": ("15", ("yes", "no", "no"), ("yes", "no", "no")),
    "CREATED": ("15", ("yes", "no", "no"), ("yes", "no", "no")),
    "RETRY": ("15", ("yes", "no", "no"), ("yes", "no", "no")),
    "SENDING": ("12", ("yes", "13", "no"), ("yes", "14", "no")),
    "SENT": ("12", ("yes", "13", "no"), ("yes", "14", "no")),
    "DELIVERED": ("yes", ("yes", "yes", "no"), ("yes", "yes", "no")),
    "FAILED": ("15", ("yes", "yes", "no"), ("yes", "yes", "no")),
    "EXPIRED": ("15", ("yes", "yes", "no"), ("yes", "yes", "no")),
    "SUPPRESSED": ("yes", ("yes", "yes", "no"), ("yes", "yes", "no")),
}
CASES = [
    (state, epoch, said, becomes)
    for state, (delivered, passing, for_good) in BY_STATE.items()
    for epoch in (0, 1, 2)
    for said, becomes in (
        (DELIVERED, delivered),
        (PASSING, passing[epoch]),
        *((said, for_good[epoch]) for said in FOR_GOOD),
    )
]


@pytest.mark.parametrize(("state", "epoch", "said", "becomes"), CASES)
def test_each_receipt_does_to_each_state_what_the_table_says(
    table: FakeTable, state: str, epoch: int, said: tuple[str, str | None], becomes: str
) -> None:
    status, code = said
    a_notification(table, status=state)
    notification = FakeNotifications(table).find("n1")

    decided = decide(receipt(status, code=code), notification, epoch=epoch, moves=the_moves())

    if isinstance(decided, Move):
        assert decided.transition.number == becomes
    else:
        assert decided is {"yes": Standing.SETTLED, "no": Standing.NOT_YET}[becomes]


def test_a_delivery_closes_the_notification(table: FakeTable, metrics: Metrics) -> None:
    a_notification(table, status="SENT", sentAt=timestamp(clock.now() - 4))

    applied = apply(table, receipt(), metrics)

    item = stored(table)
    assert applied
    assert item["status"]["id"] == "DELIVERED"
    assert item["status"]["by"] == "smsStatusConsumer"
    assert item["deliveredAt"] == timestamp(clock.now())
    assert item["messageId"] == "m1"
    assert "GSI1PK" not in item


def test_a_passing_failure_asks_for_the_next_sending(table: FakeTable, metrics: Metrics) -> None:
    a_notification(table, status="SENT", attempts=2)

    applied = apply(table, receipt("undelivered", code="timeout"), metrics)

    item = stored(table)
    assert applied
    assert (item["status"]["id"], item["epoch"], item["attempts"]) == ("PENDING", EPOCH + 1, 2)
    assert item["status"]["reason"] == item["lastError"] == "timeout: undelivered"
    assert item["GSI1PK"].startswith("NTFDUE#")
    assert timestamp(clock.now() + 240) <= item["sendAt"] <= timestamp(clock.now() + 360)


def test_the_third_attempt_was_the_last(table: FakeTable, metrics: Metrics) -> None:
    a_notification(table, status="SENT", attempts=3)

    apply(table, receipt("undelivered", code="30001"), metrics)

    assert stored(table)["status"]["id"] == "FAILED"


def test_a_delivery_wins_over_a_failure_that_was_told_before(table: FakeTable, metrics: Metrics) -> None:
    a_notification(table, status="SENT")

    apply(table, receipt("failed"), metrics)
    apply(table, receipt("delivered"), metrics)

    assert stored(table)["status"]["id"] == "DELIVERED"


def test_a_receipt_that_comes_twice_writes_once(table: FakeTable, metrics: Metrics) -> None:
    a_notification(table, status="SENT")

    answers = [apply(table, receipt("undelivered", code="30001"), metrics) for _ in range(2)]

    assert answers == [True, True]
    assert (stored(table)["version"], stored(table)["epoch"]) == (2, EPOCH + 1)


def test_a_receipt_of_an_unknown_notification_is_to_be_parked(table: FakeTable, metrics: Metrics) -> None:
    assert not apply(table, receipt(), metrics)


def test_who_is_overtaken_looks_again(table: FakeTable, metrics: Metrics) -> None:
    a_notification(table, status="SENDING")

    def overtake(_: Key) -> None:
        table.before_write = None
        table.put_notification(status="FAILED", epoch=EPOCH, attempts=3)

    table.before_write = overtake

    applied = apply(table, receipt(), metrics)

    assert applied
    assert stored(table)["status"]["id"] == "DELIVERED"


def test_who_is_overtaken_again_and_again_comes_back_later(table: FakeTable, metrics: Metrics) -> None:
    states = iter(["SENT", "PENDING"] * 10)
    a_notification(table, status="PENDING")

    def overtake(_: Key) -> None:
        a_notification(table, status=next(states))

    table.before_write = overtake

    with pytest.raises(Retry, match="n1 changed under each of 5 looks"):
        apply(table, receipt(), metrics)


def test_what_the_sms_service_says_of_an_error_is_kept_short(table: FakeTable, metrics: Metrics) -> None:
    a_notification(table, status="SENT")

    apply(table, receipt("failed", code="x" * 1000), metrics)

    assert stored(table)["lastError"] == "x" * 64 + ": failed"


def test_deliveries_are_measured_once_and_never_below_zero(table: FakeTable, metrics: Metrics) -> None:
    a_notification(table, status="SENT", sentAt=timestamp(clock.now()))

    for _ in range(2):
        apply(table, receipt(at=clock.now() - 5), metrics)

    line = metrics.flush() or ""
    assert '"Delivered":[1]' in line
    assert '"DeliveryLatencyMs":[0.0]' in line


@pytest.mark.parametrize(
    "said",
    [1_700_000_040, 1_700_000_040.25, 1_700_000_040_250, "2023-11-14T22:14:00Z", "2023-11-14T22:14:00"],
)
def test_a_timestamp_may_be_iso_or_an_epoch(said: Any) -> None:
    assert int(reported_at(receipt(at=said))) == 1_700_000_040


@pytest.mark.parametrize(
    "said", ["yesterday", "1700000040", "0001-01-01", -1, 1e17, 10**400, float("nan"), float("inf")], ids=str
)
def test_a_timestamp_that_is_no_time_is_rejected(said: Any) -> None:
    with pytest.raises(Reject, match="BAD_RECEIPT"):
        reported_at(receipt(at=said))
