"""Schedules on the stage's clock: when ticks come, and what Lambda does with each by its rules."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from staged import NoAccidents, eventually
from worker_runtime import Schedule
from worker_runtime.clock import ScaledClock
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.execution.answers import Answer, FunctionError, Reply, Throttled
from worker_runtime.local.stage.execution.invocations import Report
from worker_runtime.local.stage.polling.async_events import AsyncEvents
from worker_runtime.local.stage.polling.delivering import Delivery
from worker_runtime.local.stage.polling.on_failure import OnFailureQueue
from worker_runtime.local.stage.polling.schedule_poller import SchedulePoller
from worker_runtime.testing import schedule_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_sqs import SQSClient

WORKER = "test.tick"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:local-test-tick"
SPEED = 600.0  # a minute is 0.1 s of the machine's time
BROKEN = FunctionError(error_type="ValueError", message="no fan is there")


class ScriptedTicks:
    """Stands where an executor would: answers each event as ``script`` says, the last for all that follow."""

    def __init__(self, *script: Answer, lasts_s: float = 0) -> None:
        self.script = list(script) or [Reply(b"null")]
        self.lasts_s = lasts_s
        self.events: list[tuple[str, Any, float]] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    def invoke(self, event: Any, *, request_id: str | None = None) -> Report:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self.events.append((request_id or "", json.loads(event), time.monotonic()))
            answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        time.sleep(self.lasts_s)
        with self._lock:
            self._at_once -= 1
        return Report(request_id=request_id or "", answer=answer)

    def kill_one(self, *, in_flight: bool = True) -> int | None:  # noqa: ARG002 - as an executor's
        return 1

    def stop(self) -> None:
        pass

    @property
    def ids(self) -> list[str]:
        return [request_id for request_id, _, _ in self.events]

    @property
    def ticks(self) -> list[Any]:
        return [event for _, event, _ in self.events]

    def waits_s(self) -> list[float]:
        """List how long after one another the events came, in the stage's seconds."""
        at = [moment for _, _, moment in self.events]
        return [(later - sooner) * SPEED for sooner, later in pairwise(at)]


class Scheduled:
    """A schedule on a fast clock, its worker, and the queue of what is given up."""

    def __init__(
        self, source: Schedule, function: ScriptedTicks, sqs: SQSClient, name: str, **more: Any
    ) -> None:
        self.sqs = sqs
        self.function = function
        self.tally = Tally([WORKER])
        self.clock = ScaledClock(more.get("speed", SPEED), origin=time.time())
        self.dead_letters = sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
        self.delivery = Delivery(
            WORKER, invoker=function, tally=self.tally, accidents=NoAccidents(twice=more.get("twice", False))
        )
        self.events = AsyncEvents(
            source,
            function_arn=ARN,
            delivery=self.delivery,
            on_failure=OnFailureQueue(sqs, self.dead_letters) if source.dead_letters else None,
            clock=self.clock,
            at_once=more.get("at_once", 2),
        )
        self.poller = SchedulePoller(source, function_arn=ARN, events=self.events, clock=self.clock)

    def given_up(self) -> list[Any]:
        answer = self.sqs.receive_message(QueueUrl=self.dead_letters, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def put(self, event: Any) -> None:
        """Hand over one event, and wait for its end."""
        self.events.put(event)
        eventually(lambda: not self.events.busy())


@pytest.fixture
def scheduled(sqs: SQSClient, unique: Callable[[str], str]) -> Iterator[Callable[..., Scheduled]]:
    """Make a schedule and what it fires; it is stopped in the end."""
    made: list[Scheduled] = []

    def make(source: Schedule, function: ScriptedTicks, **more: Any) -> Scheduled:
        made.append(Scheduled(source, function, sqs, unique("ticks"), **more))
        return made[-1]

    yield make
    for each in made:
        each.poller.stop()


EVERY_MINUTE = Schedule("rate(1 minute)")


def test_a_rate_ticks_on_the_stage_s_clock_with_the_time_that_was_due(
    scheduled: Callable[..., Scheduled],
) -> None:
    function = ScriptedTicks()
    stand = scheduled(EVERY_MINUTE, function)
    began = stand.clock.now()

    stand.poller.start()
    eventually(lambda: len(function.ticks) >= 4)

    due = [datetime.fromisoformat(tick["time"]).timestamp() for tick in function.ticks[:4]]
    assert {(later - sooner) % 60 for sooner, later in pairwise(due)} == {0}
    assert due[0] - began >= 59  # the event's time is in whole seconds
    assert {(tick["source"], tick["detail-type"]) for tick in function.ticks} == {
        ("aws.events", "Scheduled Event")
    }
    assert function.ticks[0]["resources"] == ["arn:aws:events:us-east-1:000000000000:rule/local-test-tick"]
    assert len(set(function.ids)) == len(function.ids)


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        (Schedule("cron(* * * * ? *)", rule="by-the-minute"), {"detail": {}, "source": "aws.events"}),
        (Schedule("cron(* * * * ? *)", timezone="Europe/Paris"), {"detail": "{}", "source": "aws.scheduler"}),
        (Schedule("rate(1 minute)", payload={"saleId": "s-1"}), {"saleId": "s-1"}),
    ],
)
def test_a_tick_is_what_eventbridge_would_send(
    scheduled: Callable[..., Scheduled], source: Schedule, sent: dict[str, Any]
) -> None:
    function = ScriptedTicks()

    scheduled(source, function).poller.start()
    eventually(lambda: function.ticks)

    assert function.ticks[0].items() >= sent.items()


def test_a_moment_comes_once(scheduled: Callable[..., Scheduled]) -> None:
    function = ScriptedTicks()
    soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 60))
    stand = scheduled(Schedule(f"at({soon})"), function)

    stand.poller.start()
    eventually(lambda: function.ticks)
    time.sleep(0.3)

    assert len(function.ticks) == 1


def test_a_schedule_of_years_to_come_waits_and_ends_at_once(scheduled: Callable[..., Scheduled]) -> None:
    stand = scheduled(Schedule("cron(0 0 1 1 ? 2199)"), ScriptedTicks(), speed=1.0)

    stand.poller.start()

    assert not stand.poller.busy()
    stand.poller.stop()
    assert not stand.function.ticks


def test_between_ticks_nobody_is_busy(scheduled: Callable[..., Scheduled]) -> None:
    function = ScriptedTicks(lasts_s=0.05)
    stand = scheduled(EVERY_MINUTE, function)

    stand.poller.start()
    eventually(stand.poller.busy)
    eventually(lambda: not stand.poller.busy())

    assert function.ticks


def test_ticks_that_were_missed_are_not_made_up_for(scheduled: Callable[..., Scheduled]) -> None:
    function = ScriptedTicks(lasts_s=0.02)
    stand = scheduled(EVERY_MINUTE, function, speed=60_000.0, at_once=1)  # a minute is a millisecond

    stand.poller.start()
    time.sleep(0.4)
    stand.poller.stop()

    assert 1 <= len(function.ticks) <= 25  # of 400
    assert function.most_at_once == 1


def test_a_fast_stage_is_kept_up_with(scheduled: Callable[..., Scheduled]) -> None:
    function = ScriptedTicks(lasts_s=0.05)
    stand = scheduled(EVERY_MINUTE, function, speed=120.0)  # a tick each half second

    stand.poller.start()
    time.sleep(2.3)

    assert len(function.ticks) in (3, 4)


@pytest.mark.parametrize("at_once", [1, 2])
def test_ticks_overlap_as_far_as_there_are_places(scheduled: Callable[..., Scheduled], at_once: int) -> None:
    function = ScriptedTicks(lasts_s=0.25)
    stand = scheduled(Schedule("rate(1 minute)", max_age_s=21_600), function, at_once=at_once)

    stand.poller.start()
    eventually(lambda: len(function.ticks) >= 3)

    assert function.most_at_once == at_once


def test_a_tick_that_waits_too_long_for_its_place_is_superseded(scheduled: Callable[..., Scheduled]) -> None:
    function = ScriptedTicks(lasts_s=0.5)
    stand = scheduled(Schedule("rate(1 minute)", dead_letters="dlq"), function, at_once=1)

    stand.poller.start()
    eventually(lambda: len(function.ticks) >= 2)
    stand.poller.stop()

    given_up = stand.given_up()
    assert given_up
    assert {each["requestContext"]["condition"] for each in given_up} == {"EventAgeExceeded"}
    assert {each["requestContext"]["approximateInvokeCount"] for each in given_up} == {0}
    assert not any("responseContext" in each for each in given_up)


def test_an_error_is_retried_after_one_and_after_two_minutes_under_the_same_id(
    scheduled: Callable[..., Scheduled],
) -> None:
    function = ScriptedTicks(BROKEN, BROKEN, Reply(b"null"))
    stand = scheduled(Schedule("rate(1 day)", retries=2, max_age_s=3_600), function)

    stand.put(schedule_event())

    first, second = function.waits_s()
    assert first >= 60
    assert second >= 120
    assert len(set(function.ids)) == 1
    assert function.ticks[0] == function.ticks[2]
    counts = stand.tally.by_worker()[WORKER]
    assert (counts.invocations, counts.retries, counts.dead_letters) == (3, 2, 0)


@pytest.mark.parametrize("retries", [0, 1])
def test_what_fails_too_often_is_given_up_whole(scheduled: Callable[..., Scheduled], retries: int) -> None:
    event = schedule_event({"saleId": "s-1"})
    function = ScriptedTicks(BROKEN)
    stand = scheduled(Schedule("rate(1 day)", retries=retries, max_age_s=3_600, dead_letters="dlq"), function)

    stand.put(event)

    (record,) = stand.given_up()
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": function.ids[0],
            "functionArn": f"{ARN}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": retries + 1,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {
            "errorMessage": "no fan is there",
            "errorType": "ValueError",
            "requestId": function.ids[0],
            "stackTrace": [],
        },
    }
    assert stand.tally.by_worker()[WORKER].dead_letters == 1


def test_without_dead_letters_what_fails_is_gone_and_the_next_tick_comes(
    scheduled: Callable[..., Scheduled],
) -> None:
    function = ScriptedTicks(BROKEN)
    stand = scheduled(EVERY_MINUTE, function)

    stand.poller.start()
    eventually(lambda: len(set(function.ids)) >= 3)

    assert stand.tally.by_worker()[WORKER].dead_letters == 0


def test_an_event_that_is_too_old_for_its_retry_is_given_up(scheduled: Callable[..., Scheduled]) -> None:
    function = ScriptedTicks(BROKEN)
    stand = scheduled(Schedule("rate(1 day)", retries=2, max_age_s=60, dead_letters="dlq"), function)

    stand.put(schedule_event())

    (record,) = stand.given_up()
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["responsePayload"]["errorType"] == "ValueError"


def test_a_throttle_spends_no_retry(scheduled: Callable[..., Scheduled]) -> None:
    function = ScriptedTicks(Throttled(), Throttled(), Throttled(), Reply(b"null"))
    stand = scheduled(EVERY_MINUTE, function)

    stand.put(schedule_event())

    waits = function.waits_s()
    assert len(waits) == 3
    assert [wait >= at_least for wait, at_least in zip(waits, (1, 2, 4), strict=True)] == [True] * 3
    assert stand.tally.by_worker()[WORKER].retries == 0


def test_aws_may_deliver_a_tick_twice_under_one_id(scheduled: Callable[..., Scheduled]) -> None:
    function = ScriptedTicks()
    stand = scheduled(EVERY_MINUTE, function, twice=True)

    stand.put(schedule_event())

    assert len(function.ids) == 2
    assert len(set(function.ids)) == 1


@pytest.mark.parametrize(
    ("source", "bearable"),
    [
        (EVERY_MINUTE, True),
        (Schedule("rate(1 minute)", dead_letters="dlq"), False),
        (Schedule("rate(1 minute)", retries=1, dead_letters="dlq"), True),
    ],
    ids=["next tick comes", "dead letter", "retry comes"],
)
def test_a_crash_comes_only_where_it_is_not_what_dead_letters(
    scheduled: Callable[..., Scheduled], source: Schedule, bearable: bool
) -> None:
    stand = scheduled(source, ScriptedTicks(lasts_s=0.2))
    stand.events.put(schedule_event())
    eventually(lambda: stand.function.events)

    crashed = stand.delivery.crash()

    assert crashed is bearable


def test_what_the_stage_s_end_cuts_short_is_not_given_up(scheduled: Callable[..., Scheduled]) -> None:
    function = ScriptedTicks(BROKEN, lasts_s=0.2)
    stand = scheduled(Schedule("rate(1 minute)", dead_letters="dlq"), function)
    stand.poller.start()
    eventually(lambda: function.events)

    stand.poller.stop()

    assert stand.given_up() == []
