"""The stage's pollers under anything that may happen, held to what Lambda, SQS and streams promise.

Random producers, verdicts, throttles, faults, outages of what they stand on, ends and kills, on threads
that take turns: an example is repeatable and takes milliseconds. The witnesses in ``planned_queue``,
``planned_stream`` and ``planned_events`` know no code of the pollers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from planned import Plan, faults, plans
from planned_events import PlannedEvents
from planned_queue import PlannedQueue
from planned_stream import PlannedStream
from worker_runtime import Kinesis, Sqs
from worker_runtime.local.stage.polling.staged_records import PAYLOAD_BYTES
from worker_runtime.sources.asynchronous import AsyncSource

if TYPE_CHECKING:
    from planned import Verdict

SHORT = settings(max_examples=50, stateful_step_count=25)
LONG = settings(max_examples=100, stateful_step_count=40)

SMALL, LARGE = 1, 2_000  # bytes of a message's body
THREE_SMALL = 2_500
"""Bytes of an event that so many small messages fit into, or a large one."""

moments = st.sampled_from([0.0, 1.0, 4.0, 12.0])  # seconds after which the next thing happens

ends = st.sampled_from(["of itself", "cut short", "killed"])


class QueueMachine(RuleBasedStateMachine):
    """A standard or FIFO queue."""

    world: PlannedQueue

    @initialize(
        ordered=st.booleans(),
        batch_size=st.integers(1, 4),
        window_s=st.sampled_from([0, 0, 2]),
        max_receives=st.integers(1, 4),
        concurrent=st.sampled_from([1, 2, 3, 8]),  # five at first
        payload_bytes=st.sampled_from([PAYLOAD_BYTES, THREE_SMALL]),
        faults=faults,
        seed=st.integers(0, 99),
        first=plans,  # hypothesis leaves rules out of whole examples
    )
    def begin(  # noqa: PLR0913 - what is drawn
        self,
        *,
        ordered: bool,
        batch_size: int,
        window_s: int,
        max_receives: int,
        concurrent: int,
        payload_bytes: int,
        faults: set[str],
        seed: int,
        first: list[tuple[list[Verdict], Verdict]],
    ) -> None:
        source = Sqs(
            "planned.fifo" if ordered else "planned",
            batch_size=batch_size,
            window_s=0 if ordered else window_s,
            max_receives=max_receives,
        )
        self.world = PlannedQueue(
            source, faults=faults, seed=seed, concurrent=concurrent, payload_bytes=payload_bytes
        )
        self.send("a", first, SMALL, 4)

    @rule(group=st.sampled_from("ab"), drawn=plans, size=st.sampled_from([SMALL, LARGE]), then_s=moments)
    def send(self, group: str, drawn: list[tuple[list[Verdict], Verdict]], size: int, then_s: float) -> None:
        for plan in drawn:
            self.world.send(group, Plan.of(plan), size=size)
        self.world.clock.sleep(then_s)

    @rule(seconds=st.sampled_from([1, 5, 31, 100]))
    def wait(self, seconds: int) -> None:
        self.world.clock.sleep(seconds)

    @rule(throttled=st.integers(0, 4), takes_s=st.sampled_from([0.0, 1.0, 8.0, 45.0]))
    def change_the_function(self, throttled: int, takes_s: float) -> None:
        self.world.function.throttled += throttled
        self.world.function.takes_s = takes_s

    @rule(call=st.sampled_from(["receive_message", "change_message_visibility_batch"]))
    def refuse(self, call: str) -> None:
        self.world.aws.fail_next(call, 2)

    @rule(after=st.booleans())
    def refuse_to_delete(self, *, after: bool) -> None:
        self.world.aws.fail_next("delete_message_batch", 1, after=after)

    @rule(how=ends, then_s=moments)
    def begin_anew(self, how: str, then_s: float) -> None:
        if how == "killed":
            self.world.kill()
        else:
            self.world.end(cut_short=how == "cut short")
        self.world.begin()
        self.world.clock.sleep(then_s)

    @invariant()
    def no_promise_is_broken(self) -> None:
        for failure in self.world.turns.failures:
            raise failure

    @invariant()
    def nothing_is_lost(self) -> None:
        world = self.world
        there = {*world.queue.ids(), *world.dead, *world.witness.done}
        assert set(world.sent) <= there

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.world.settle()
        finally:
            self.world.end()
            self.no_promise_is_broken()
        self.nothing_is_lost()


class StreamMachine(RuleBasedStateMachine):
    """A stream of lanes, with or without bisect."""

    world: PlannedStream

    @initialize(
        batch_size=st.integers(1, 5),
        window_s=st.sampled_from([0, 0, 2]),
        parallelization=st.integers(1, 3),
        bisect=st.booleans(),
        retries=st.integers(-1, 3),
        max_age_s=st.sampled_from([-1, -1, 60]),
        page=st.integers(1, 5),
        faults=faults,
        seed=st.integers(0, 99),
        first=plans,  # hypothesis leaves rules out of whole examples
    )
    def begin(
        self,
        *,
        faults: set[str],
        seed: int,
        page: int,
        first: list[tuple[list[Verdict], Verdict]],
        **settings: Any,
    ) -> None:
        source = Kinesis("planned", start="TRIM_HORIZON", dead_letters="letters", **settings)
        self.world = PlannedStream(source, faults=faults, seed=seed, page=page)
        self.put("a", first, 4)

    @rule(key=st.sampled_from("abcd"), drawn=plans, then_s=moments)
    def put(self, key: str, drawn: list[tuple[list[Verdict], Verdict]], then_s: float) -> None:
        for plan in drawn:
            self.world.put(key, Plan.of(plan))
        self.world.clock.sleep(then_s)

    @rule(seconds=st.sampled_from([1, 5, 31, 100]))
    def wait(self, seconds: int) -> None:
        self.world.clock.sleep(seconds)

    @rule(throttled=st.integers(0, 4), takes_s=st.sampled_from([0.0, 1.0, 8.0, 45.0]))
    def change_the_function(self, throttled: int, takes_s: float) -> None:
        self.world.function.throttled += throttled
        self.world.function.takes_s = takes_s

    @rule(refused=st.integers(0, 2), expired=st.integers(0, 1))
    def refuse_to_be_read(self, refused: int, expired: int) -> None:
        self.world.aws.fail_next("read", refused)
        self.world.feed.expire += expired

    @rule(times=st.integers(1, 60))
    def refuse_dead_letters(self, times: int) -> None:
        self.world.letters.fail_next("send_message", times)

    @rule()
    def split(self) -> None:
        self.world.feed.split()
        self.world.turns.news()

    @rule(how=ends, then_s=moments)
    def begin_anew(self, how: str, then_s: float) -> None:
        if how == "killed":
            self.world.kill()
        else:
            self.world.end(cut_short=how == "cut short")
        self.world.begin()
        self.world.clock.sleep(then_s)

    @invariant()
    def no_promise_is_broken(self) -> None:
        for failure in self.world.turns.failures:
            raise failure

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.world.settle()
        finally:
            self.world.end()
            self.no_promise_is_broken()


class EventMachine(RuleBasedStateMachine):
    """Asynchronous events of a function."""

    world: PlannedEvents

    @initialize(
        retries=st.integers(0, 2),
        max_age_s=st.sampled_from([60, 150, 21_600]),
        at_once=st.integers(1, 3),
        faults=faults,
        seed=st.integers(0, 99),
        first=plans,  # hypothesis leaves rules out of whole examples
    )
    def begin(
        self,
        *,
        faults: set[str],
        seed: int,
        at_once: int,
        first: list[tuple[list[Verdict], Verdict]],
        **settings: Any,
    ) -> None:
        source = AsyncSource(dead_letters="letters", **settings)
        self.world = PlannedEvents(source, faults=faults, seed=seed, at_once=at_once)
        self.put(first, 4)

    @rule(drawn=plans, then_s=moments)
    def put(self, drawn: list[tuple[list[Verdict], Verdict]], then_s: float) -> None:
        for plan in drawn:
            self.world.put(Plan.of(plan))
        self.world.clock.sleep(then_s)

    @rule(seconds=st.sampled_from([1, 5, 31, 100]))
    def wait(self, seconds: int) -> None:
        self.world.clock.sleep(seconds)

    @rule(throttled=st.integers(0, 8), takes_s=st.sampled_from([0.0, 1.0, 8.0, 45.0]))
    def change_the_function(self, throttled: int, takes_s: float) -> None:
        self.world.function.throttled += throttled
        self.world.function.takes_s = takes_s

    @rule(times=st.integers(1, 60))
    def refuse_dead_letters(self, times: int) -> None:
        self.world.letters.fail_next("send_message", times)

    @rule(how=ends, then_s=moments)
    def begin_anew(self, how: str, then_s: float) -> None:
        if how == "killed":
            self.world.kill()
        else:
            self.world.end(cut_short=how == "cut short")
        self.world.begin()
        self.world.clock.sleep(then_s)

    @invariant()
    def no_promise_is_broken(self) -> None:
        for failure in self.world.turns.failures:
            raise failure

    @invariant()
    def nothing_is_lost(self) -> None:
        assert not self.world.lost

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.world.settle()
        finally:
            self.world.end()
            self.no_promise_is_broken()
        self.nothing_is_lost()


@pytest.mark.parametrize("machine", [QueueMachine, StreamMachine, EventMachine])
def test_pollers_keep_what_is_promised(machine: type[RuleBasedStateMachine]) -> None:
    run_state_machine_as_test(machine, settings=SHORT)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("machine", [QueueMachine, StreamMachine, EventMachine])
def test_pollers_keep_what_is_promised_for_long(machine: type[RuleBasedStateMachine]) -> None:
    run_state_machine_as_test(machine, settings=LONG)
