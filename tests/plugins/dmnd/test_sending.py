from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from demand_table import FakeNotifications, FakeReceipts, FakeTable, Key
from worker_runtime import Change, Defer, Halt, Invocation, Metrics, Reject, Retry, Skip, clock
from worker_runtime.dynamodb_json import loads_image
from worker_runtime.filters import compile_pattern
from worker_runtime.testing import change, run_on, table_event
from workers_dmnd.keys import notification_keys, pointer_keys
from workers_dmnd.models import Notification, SmsStatus
from workers_dmnd.policy import NotificationPolicy
from workers_dmnd.rules import timestamp
from workers_dmnd.sending import RELEASED, send_notification
from workers_dmnd.services import Notifications, Receipts, SendRate, Sms, Texts
from workers_dmnd.texts import PackagedTexts

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime import Verdict
    from worker_runtime.testing import SteppedClock

RECORDED = Path(__file__).parents[2] / "events" / "dmnd_notification_change_kinesis.json"


class FakeSms:
    """Takes a sending once, or raises what it is told to; ``meanwhile`` happens before it answers."""

    def __init__(self, *verdicts: Verdict, meanwhile: Callable[[str], None] = lambda _: None) -> None:
        self.reachable = True
        self.taken: dict[str, str] = {}
        self.asked: list[str] = []
        self.meanwhile = meanwhile
        self._verdicts = list(verdicts)

    def is_reachable(self) -> bool:
        return self.reachable

    def send(self, notification: Notification, *, client_message_id: str, body: str) -> str:  # noqa: ARG002 - the Protocol's
        self.asked.append(client_message_id)
        if self._verdicts:
            raise self._verdicts.pop(0)
        self.taken[client_message_id] = body
        self.meanwhile(f"m-{client_message_id}")
        return f"m-{client_message_id}"


class FakeRate:
    """Has so many turns, or any number of them."""

    def __init__(self, turns: float = float("inf")) -> None:
        self.turns = turns

    def take(self, *, within_s: float) -> bool:  # noqa: ARG002 - the Protocol's
        self.turns -= 1
        return self.turns >= 0


class Desk:
    """The worker with all that it asks for, and the notification ``n1`` in the table."""

    def __init__(self, metrics: Metrics) -> None:
        self.table = FakeTable()
        self.sms = FakeSms()
        self.rate = FakeRate()
        self.metrics = metrics

    @property
    def services(self) -> dict[type, Any]:
        return {
            Notifications: FakeNotifications(self.table),
            Receipts: FakeReceipts(self.table),
            Sms: self.sms,
            SendRate: self.rate,
            Texts: PackagedTexts(max_septets=480),
            NotificationPolicy: NotificationPolicy(),
        }

    def put(self, **changed: Any) -> Change[Notification]:
        self.table.put_notification("n1", **{"status": "CREATED", **changed})
        return self.released()

    def released(self) -> Change[Notification]:
        new = FakeNotifications(self.table).find("n1")
        return Change(id="c1", name="MODIFY", table="demand", new=new, wire={}, decode=_unused)

    def send(self, change: Change[Notification]) -> None:
        served = self.services
        send_notification(
            change,
            notifications=served[Notifications],
            receipts=served[Receipts],
            sms=served[Sms],
            rate=served[SendRate],
            texts=served[Texts],
            policy=served[NotificationPolicy],
            invocation=Invocation(),
            metrics=self.metrics,
        )

    def park(self, *, status: str = "delivered", code: str | None = None, message_id: str = "m-n1:0") -> None:
        said = SmsStatus(message_id, status, timestamp(clock.now()), None, code)  # type: ignore[arg-type] # any word
        FakeReceipts(self.table).park(said)

    @property
    def item(self) -> dict[str, Any]:
        found = self.table.item(notification_keys("n1"))
        assert found is not None
        return found

    @property
    def state(self) -> tuple[str, int]:
        return self.item["status"]["id"], self.item["attempts"]

    def measured(self) -> dict[str, Any]:
        line = self.metrics.flush()
        return {} if line is None else json.loads(line)


def _unused(_: Any) -> Notification:
    raise AssertionError("nobody asked for the old image")


@pytest.fixture
def desk(stepped: SteppedClock, metrics: Metrics) -> Desk:
    assert clock.current() is stepped
    return Desk(metrics)


def test_a_released_notification_becomes_one_sms(desk: Desk) -> None:
    desk.send(desk.put())

    assert desk.sms.taken == {
        "n1:0": "The Night Owls: Presale is coming up. Get your tickets: https://bit.ly/e1"
        " Reply STOP to opt out."
    }
    assert desk.state == ("SENT", 1)
    assert desk.item["messageId"] == "m-n1:0"
    assert desk.item["sentAt"] == timestamp(clock.now())
    assert "GSI1PK" not in desk.item


def test_a_message_that_was_accepted_leads_back_to_its_notification(desk: Desk) -> None:
    desk.send(desk.put())

    pointer = desk.table.item(pointer_keys("m-n1:0"))
    assert pointer is not None
    assert (pointer["notificationId"], pointer["clientMessageId"]) == ("n1", "n1:0")


def test_how_long_it_took_is_measured_from_when_it_was_due(desk: Desk, stepped: SteppedClock) -> None:
    released = desk.put()
    stepped.sleep(3)

    desk.send(released)

    measured = desk.measured()
    assert (measured["SmsAccepted"], measured["SendLatencyMs"]) == ([1], [3000.0])


def test_a_change_that_comes_twice_sends_once(desk: Desk) -> None:
    released = desk.put()
    desk.send(released)

    with pytest.raises(Skip, match="somebody else"):
        desk.send(released)

    assert desk.sms.asked == ["n1:0"]
    assert desk.measured()["ClaimConflicts"] == [1]


@pytest.mark.parametrize("status", ["PENDING", "SENDING", "SENT", "DELIVERED", "FAILED", "EXPIRED"])
def test_what_is_not_released_is_left_alone(desk: Desk, status: str) -> None:
    released = desk.put(status=status)
    before = desk.item

    with pytest.raises(Skip, match=status):
        desk.send(released)

    assert (desk.sms.asked, desk.item) == ([], before)


def test_a_notification_that_is_gone_is_skipped(desk: Desk) -> None:
    gone: Change[Notification] = Change(
        id="c1", name="REMOVE", table="demand", new=None, wire={}, decode=_unused
    )

    with pytest.raises(Skip, match="gone"):
        desk.send(gone)


def test_an_old_change_does_not_undo_what_happened_since(desk: Desk) -> None:
    old = desk.put()
    desk.put(status="RETRY", attempts=1, version=4)

    with pytest.raises(Skip):
        desk.send(old)

    assert (desk.state, desk.sms.asked) == (("RETRY", 1), [])


def test_an_expired_notification_is_never_sent(desk: Desk, stepped: SteppedClock) -> None:
    released = desk.put()
    stepped.sleep(24 * 3600 + 1)

    desk.send(released)

    assert (desk.state, desk.sms.asked) == (("EXPIRED", 0), [])


def test_times_that_are_none_are_rejected(desk: Desk) -> None:
    released = desk.put(expiresAt="tomorrow")

    with pytest.raises(Reject, match="BAD_NOTIFICATION"):
        desk.send(released)


def test_without_a_turn_it_is_put_off_and_spends_no_attempt(desk: Desk) -> None:
    desk.rate = FakeRate(turns=0)

    desk.send(desk.put(status="RETRY", attempts=1, resume=True))

    assert desk.state == ("PENDING", 1)
    assert (desk.item["resume"], desk.item["sendAt"]) == (True, timestamp(clock.now() + 10))
    assert desk.item["GSI1PK"].startswith("NTFDUE#")
    assert desk.sms.asked == []


def test_while_the_service_is_out_of_reach_it_is_put_off_and_takes_no_turn(desk: Desk) -> None:
    desk.sms.reachable = False
    desk.rate = FakeRate(turns=1)

    desk.send(desk.put())

    assert (desk.state, desk.rate.turns) == (("PENDING", 0), 1)
    assert "not reachable" in desk.item["status"]["reason"]


def test_near_the_invocations_end_it_is_put_off(desk: Desk) -> None:
    released = desk.put()

    with clock.deadline(clock.now() + 9):
        desk.send(released)

    assert (desk.state, desk.sms.asked) == (("PENDING", 0), [])


def test_a_service_that_fails_has_it_tried_again_after_a_while(desk: Desk) -> None:
    desk.sms = FakeSms(Retry(reason="sms: POST /v1/messages answered 503"))

    desk.send(desk.put())

    assert desk.state == ("PENDING", 1)
    assert timestamp(clock.now() + 48) <= desk.item["sendAt"] <= timestamp(clock.now() + 72)
    assert desk.item["lastError"] == "sms: POST /v1/messages answered 503"
    assert desk.measured()["SmsRetried"] == [1]


def test_a_service_that_fails_three_times_ends_it(desk: Desk) -> None:
    desk.sms = FakeSms(Retry(reason="503"))

    desk.send(desk.put(status="RETRY", attempts=2))

    assert desk.state == ("FAILED", 3)
    assert desk.measured()["SmsRejected"] == [1]


@pytest.mark.parametrize("code", ["INVALID_NUMBER", "OPTED_OUT"])
def test_a_number_that_is_refused_ends_it_at_once(desk: Desk, code: str) -> None:
    desk.sms = FakeSms(Reject(code, "the SMS service refuses the message"))

    desk.send(desk.put())

    assert desk.state == ("FAILED", 1)
    assert desk.item["status"]["reason"].startswith(code)
    assert desk.measured()["SmsRejected"] == [1]


def test_a_text_that_lacks_a_word_ends_it_unsent(desk: Desk) -> None:
    desk.send(desk.put(vars={"eventName": "The Night Owls"}))

    assert (desk.state, desk.sms.asked) == (("FAILED", 1), [])
    assert "TEMPLATE_ERROR" in desk.item["lastError"]


def test_a_refused_role_stops_the_worker_and_loses_no_attempt(desk: Desk, stepped: SteppedClock) -> None:
    desk.sms = FakeSms(Halt("sms: POST /v1/messages answered 403"))
    released = desk.put()

    with pytest.raises(Halt):
        desk.send(released)
    stepped.sleep(121)
    desk.put(**{**_plain(desk.item), "status": "RETRY", "resume": True, "version": 3})
    desk.send(desk.released())

    assert desk.state == ("SENT", 1)
    assert desk.sms.asked == ["n1:0", "n1:0"]


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("attempts", "epoch", "clientMessageId")}


def test_a_call_that_was_never_made_leaves_the_claim_to_be_resumed(desk: Desk) -> None:
    desk.sms = FakeSms(Defer(1, reason="sms is not called for a while"))

    with pytest.raises(Skip, match="not called"):
        desk.send(desk.put())

    assert desk.state == ("SENDING", 1)
    assert "leaseUntil" in desk.item


def test_a_receipt_that_came_first_is_applied_once_the_message_is_known(desk: Desk) -> None:
    desk.park()

    desk.send(desk.put())

    assert desk.state == ("DELIVERED", 1)
    assert desk.measured()["Delivered"] == [1]


def test_a_parked_failure_has_the_next_sending_go_out(desk: Desk) -> None:
    desk.park(status="undelivered", code="30003")

    desk.send(desk.put())

    assert desk.state == ("PENDING", 1)
    assert desk.item["epoch"] == 1


def test_a_receipt_that_was_faster_than_the_answer_wins(desk: Desk) -> None:
    def deliver(_: str) -> None:
        desk.table.put_notification("n1", status="DELIVERED", version=3)

    desk.sms = FakeSms(meanwhile=deliver)

    with pytest.raises(Skip, match="moved on"):
        desk.send(desk.put())

    assert desk.state == ("DELIVERED", 1)
    assert desk.table.item(pointer_keys("m-n1:0")) is not None


def test_a_receipt_parked_while_the_service_answers_is_not_overlooked(desk: Desk) -> None:
    desk.sms = FakeSms(meanwhile=lambda message_id: desk.park(message_id=message_id))

    desk.send(desk.put())

    assert desk.state == ("DELIVERED", 1)


def test_who_finds_it_sent_looks_for_the_receipt_that_its_sender_did_not(desk: Desk) -> None:
    released = desk.put()
    desk.table.put_notification("n1", status="SENT", messageId="m-n1:0", version=3)
    desk.park()

    with pytest.raises(Skip):
        desk.send(released)

    assert desk.state == ("DELIVERED", 1)


def test_a_lost_lease_leaves_the_notification_to_who_has_it_now(desk: Desk) -> None:
    def resume() -> None:
        desk.table.put_notification("n1", status="SENDING", leaseUntil=timestamp(clock.now() + 500))

    released = desk.put()
    desk.sms = FakeSms(Retry(reason="503"))
    desk.table.before_write = _second_write(resume)

    desk.send(released)

    assert desk.state == ("SENDING", 1)


def _second_write(happen: Callable[[], None]) -> Callable[[Key], None]:
    """Let something happen before the second write: the claim is the first."""
    writes = 0

    def before_write(_: Key) -> None:
        nonlocal writes
        writes += 1
        if writes == 2:
            happen()

    return before_write


def test_a_table_that_does_not_answer_has_the_change_come_again(desk: Desk) -> None:
    released = desk.put()
    desk.table.fail_next(1, Retry(reason="dynamodb UpdateItem: throttled"))

    with pytest.raises(Retry):
        desk.send(released)
    desk.send(released)

    assert desk.state == ("SENT", 1)
    assert desk.sms.asked == ["n1:0"]


def test_a_death_after_acceptance_is_healed_by_the_same_sending(desk: Desk) -> None:
    released = desk.put()
    desk.table.fail_next(1, KeyboardInterrupt(), after=1)

    with pytest.raises(KeyboardInterrupt):
        desk.send(released)
    desk.put(status="RETRY", attempts=1, resume=True, version=3)
    desk.send(desk.released())

    assert desk.state == ("SENT", 1)
    assert list(desk.sms.taken) == ["n1:0"]


def test_a_batch_is_done_whatever_the_service_says(desk: Desk) -> None:
    desk.sms = FakeSms(Retry(reason="503"), Reject("INVALID_NUMBER"))
    items = [desk.table.put_notification(f"n{at}", status="CREATED") for at in range(1, 4)]
    event = table_event(*(change(new=item, table="demand-table", at=at) for at, item in enumerate(items)))

    reply = run_on(send_notification, event, services=desk.services)

    ends = sorted(item["status"]["id"] for item in desk.table.items("notification"))
    assert reply == {"batchItemFailures": []}
    assert ends == ["FAILED", "PENDING", "SENT"]


def test_nothing_of_the_fan_is_logged_or_kept_in_errors(
    desk: Desk, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.sms = FakeSms(Retry(reason="503"))
    with caplog.at_level("DEBUG"):
        desk.send(desk.put())
        desk.send(desk.put(version=9))

    said = caplog.text + capsys.readouterr().out + str([vars(record) for record in caplog.records])
    assert "to be tried again" in said
    assert "n1" in said
    assert "+12125550123" not in said
    assert "Night Owls" not in said


def test_the_recorded_event_is_understood(desk: Desk) -> None:
    event = json.loads(RECORDED.read_text())
    carried = [json.loads(b64decode(record["kinesis"]["data"])) for record in event["Records"]]
    for image in carried:
        desk.table.put(loads_image(image["dynamodb"]["NewImage"]))

    reply = run_on(send_notification, event, services=desk.services)

    assert reply == {"batchItemFailures": []}
    assert [item["status"]["id"] for item in desk.table.items("notification")] == ["SENT"]
    assert [item["status"]["id"] for item in desk.table.items("notification:asu")] == ["SENT"]
    assert len(desk.sms.taken) == 2
    assert all(map(compile_pattern(RELEASED).matches, carried))
