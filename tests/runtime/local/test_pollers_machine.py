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
from worker_runtime.sources.asynchronous import AsyncSource

if TYPE_CHECKING:
    from planned import Verdict

SHORT = settings(max_examples=60, stateful_step_count=25, deadline=None)
LONG = settings(max_examples=300, stateful_step_count=40, deadline=None)


class QueueMachine(RuleBasedStateMachine):
    """A standard or FIFO queue."""

    world: PlannedQueue

    @initialize(
        ordered=st.booleans(),
        batch_size=st.integers(1, 4),
        window_s=st.sampled_from([0, 0, 2]),
        max_receives=st.integers(1, 4),
        concurrent=st.integers(1, 3),
        faults=faults,
        seed=st.integers(0, 99),
    )
    def begin(  # noqa: PLR0913 - what is drawn
        self,
        *,
        ordered: bool,
        batch_size: int,
        window_s: int,
        max_receives: int,
        concurrent: int,
        faults: set[str],
        seed: int,
    ) -> None:
        source = Sqs(
            "planned.fifo" if ordered else "planned",
            batch_size=batch_size,
            window_s=0 if ordered else window_s,
            max_receives=max_receives,
        )
        self.world = PlannedQueue(source, faults=faults, seed=seed, concurrent=concurrent)

    @rule(group=st.sampled_from("ab"), drawn=st.lists(plans, min_size=1, max_size=4))
    def send(self, group: str, drawn: list[tuple[list[Verdict], Verdict]]) -> None:
        for plan in drawn:
            self.world.send(group, Plan.of(plan))

    @rule(seconds=st.sampled_from([1, 5, 31, 100]))
    def wait(self, seconds: int) -> None:
        self.world.clock.sleep(seconds)

    @rule(invocations=st.integers(1, 4))
    def throttle(self, invocations: int) -> None:
        self.world.function.throttled += invocations

    @rule(seconds=st.sampled_from([0.0, 1.0, 10.0, 45.0]))
    def slow(self, seconds: float) -> None:
        self.world.function.takes_s = seconds

    @rule(
        call=st.sampled_from(["receive_message", "change_message_visibility_batch"]), times=st.integers(1, 3)
    )
    def refuse(self, call: str, times: int) -> None:
        self.world.aws.fail_next(call, times)

    @rule(times=st.integers(1, 3), after=st.booleans())
    def refuse_to_delete(self, times: int, *, after: bool) -> None:
        self.world.aws.fail_next("delete_message_batch", times, after=after)

    @rule()
    def end_and_begin(self) -> None:
        self.world.end()
        self.world.begin()

    @rule()
    def kill_and_begin(self) -> None:
        self.world.kill()
        self.world.begin()

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
    )
    def begin(self, *, faults: set[str], seed: int, page: int, **settings: Any) -> None:
        source = Kinesis("planned", start="TRIM_HORIZON", dead_letters="letters", **settings)
        self.world = PlannedStream(source, faults=faults, seed=seed, page=page)

    @rule(key=st.sampled_from("abcd"), drawn=st.lists(plans, min_size=1, max_size=4))
    def put(self, key: str, drawn: list[tuple[list[Verdict], Verdict]]) -> None:
        for plan in drawn:
            self.world.put(key, Plan.of(plan))

    @rule(seconds=st.sampled_from([1, 5, 31, 100]))
    def wait(self, seconds: int) -> None:
        self.world.clock.sleep(seconds)

    @rule(invocations=st.integers(1, 4))
    def throttle(self, invocations: int) -> None:
        self.world.function.throttled += invocations

    @rule(seconds=st.sampled_from([0.0, 1.0, 10.0, 45.0]))
    def slow(self, seconds: float) -> None:
        self.world.function.takes_s = seconds

    @rule(times=st.integers(1, 3))
    def refuse_to_be_read(self, times: int) -> None:
        self.world.aws.fail_next("read", times)

    @rule(times=st.integers(1, 2))
    def let_iterators_expire(self, times: int) -> None:
        self.world.feed.expire += times

    @rule(times=st.integers(1, 60))
    def refuse_dead_letters(self, times: int) -> None:
        self.world.letters.fail_next("send_message", times)

    @rule()
    def split(self) -> None:
        self.world.feed.split()
        self.world.turns.news()

    @rule()
    def end_and_begin(self) -> None:
        self.world.end()
        self.world.begin()

    @rule()
    def kill_and_begin(self) -> None:
        self.world.kill()
        self.world.begin()

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
    )
    def begin(self, *, faults: set[str], seed: int, at_once: int, **settings: Any) -> None:
        source = AsyncSource(dead_letters="letters", **settings)
        self.world = PlannedEvents(source, faults=faults, seed=seed, at_once=at_once)

    @rule(drawn=st.lists(plans, min_size=1, max_size=3))
    def put(self, drawn: list[tuple[list[Verdict], Verdict]]) -> None:
        for plan in drawn:
            self.world.put(Plan.of(plan))

    @rule(seconds=st.sampled_from([1, 5, 31, 100]))
    def wait(self, seconds: int) -> None:
        self.world.clock.sleep(seconds)

    @rule(invocations=st.integers(1, 8))
    def throttle(self, invocations: int) -> None:
        self.world.function.throttled += invocations

    @rule(seconds=st.sampled_from([0.0, 1.0, 45.0]))
    def slow(self, seconds: float) -> None:
        self.world.function.takes_s = seconds

    @rule(times=st.integers(1, 60))
    def refuse_dead_letters(self, times: int) -> None:
        self.world.letters.fail_next("send_message", times)

    @rule()
    def end_and_begin(self) -> None:
        self.world.end()
        self.world.begin()

    @rule()
    def kill_and_begin(self) -> None:
        self.world.kill()
        self.world.begin()

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
@pytest.mark.parametrize("machine", [QueueMachine, StreamMachine, EventMachine])
def test_pollers_keep_what_is_promised_for_long(machine: type[RuleBasedStateMachine]) -> None:
    run_state_machine_as_test(machine, settings=LONG)
