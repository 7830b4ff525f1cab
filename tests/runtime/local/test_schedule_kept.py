"""Schedules and asynchronous events of a stage that goes on: no tick twice, no retry forgotten."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from staged import WORKER, NoAccidents, eventually
from worker_runtime import Schedule
from worker_runtime.clock import ScaledClock
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.execution.answers import FunctionError, Reply
from worker_runtime.local.stage.execution.invocations import Report
from worker_runtime.local.stage.keeping.sqlite_memory import SqliteMemories
from worker_runtime.local.stage.polling.async_events import AsyncEvents
from worker_runtime.local.stage.polling.delivering import Delivery
from worker_runtime.local.stage.polling.schedule_poller import SchedulePoller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from worker_runtime.sources.asynchronous import AsyncSource

ARN = "arn:aws:lambda:us-east-1:000000000000:function:local-worker"
SPEED = 200.0


class Function:
    """Remembers the events that it got; the first ``failing`` of them fail."""

    def __init__(self, *, failing: int = 0) -> None:
        self.events: list[tuple[str, Any, float]] = []
        self._failing = failing

    def invoke(self, event: Any, *, request_id: str | None = None) -> Report:
        self.events.append((request_id or "", json.loads(event), time.time()))
        fails = len(self.events) <= self._failing
        answer = FunctionError(error_type="Staged", message="staged") if fails else Reply(b"null")
        return Report(request_id=request_id or "", answer=answer)

    def kill_one(self, *, in_flight: bool = True) -> int | None:  # noqa: ARG002 - as an executor's
        return None

    def stop(self) -> None:
        pass


@pytest.fixture
def memories(tmp_path: Path) -> Iterator[SqliteMemories]:
    with SqliteMemories(tmp_path / "kept.sqlite") as opened:
        yield opened


@pytest.fixture
def clock() -> ScaledClock:
    return ScaledClock(SPEED, origin=time.time())


def events_of(
    source: AsyncSource, function: Function, memories: SqliteMemories, clock: ScaledClock
) -> AsyncEvents:
    delivery = Delivery(WORKER, invoker=function, tally=Tally([WORKER]), accidents=NoAccidents())
    return AsyncEvents(
        source,
        function_arn=ARN,
        delivery=delivery,
        on_failure=None,
        clock=clock,
        at_once=1,
        memory=memories.of("events"),
    )


def polled(
    source: Schedule, function: Function, memories: SqliteMemories, clock: ScaledClock
) -> SchedulePoller:
    return SchedulePoller(
        source,
        function_arn=ARN,
        events=events_of(source, function, memories, clock),
        clock=clock,
        memory=memories.of("schedule"),
    )


def test_an_event_that_waits_for_its_retry_is_tried_when_it_is_due(
    memories: SqliteMemories, clock: ScaledClock
) -> None:
    source = Schedule("rate(1 day)", retries=2, max_age_s=3_600)
    first = Function(failing=1)
    before = events_of(source, first, memories, clock)
    before.put({"is": "asked"})
    eventually(lambda: any(b'"errors":1' in value for _, value in memories.of("events").read("event")))
    before.quit()
    before.join()

    second = Function()
    after = events_of(source, second, memories, clock)
    after.take_up()
    eventually(lambda: not after.busy())
    third = events_of(source, Function(), memories, clock)
    third.take_up()

    ((request_id, event, at),) = second.events
    assert (request_id, event) == first.events[0][:2]
    assert at - first.events[0][2] >= 60 / SPEED
    assert not third.busy()


def test_an_event_that_whoever_put_it_gives_again_is_not_remembered(
    memories: SqliteMemories, clock: ScaledClock
) -> None:
    function = Function(failing=9)
    events = events_of(Schedule("rate(1 day)", retries=2), function, memories, clock)
    events.put({"is": "in a queue"}, then=lambda: None)
    eventually(lambda: function.events)
    events.quit()
    events.join()

    assert memories.of("events").read("event") == []


def test_a_moment_that_has_ticked_does_not_tick_again(memories: SqliteMemories, clock: ScaledClock) -> None:
    soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(clock.now() + 30))
    source = Schedule(f"at({soon})")
    function = Function()
    with polled(source, function, memories, clock):
        eventually(lambda: function.events)

    with polled(source, function, memories, clock):
        time.sleep(0.3)

    assert len(function.events) == 1


def test_a_rate_is_counted_from_when_it_was_made_first(memories: SqliteMemories, clock: ScaledClock) -> None:
    source = Schedule("rate(1 minute)")
    function = Function()
    with polled(source, function, memories, clock):
        eventually(lambda: len(function.events) >= 2)

    with polled(source, function, memories, clock):
        eventually(lambda: len(function.events) >= 4)

    due = [event["time"] for _, event, _ in function.events]
    assert len({each[-3:] for each in due}) == 1  # the same second of each minute
    assert due == sorted(set(due))
