"""One consumer of a topic, stepped by hand: batches, retries by each rule, commits, what is given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from topics import (
    TOPIC,
    Destination,
    MemoryTopic,
    TopicFunction,
    at_first,
    consumer_of,
    failed,
    places,
)
from worker_runtime import Kafka
from worker_runtime.clock import SteppedClock
from worker_runtime.local.stage.execution.answers import Reply, Throttled, crashed
from worker_runtime.local.stage.polling.paces import GROWTH_S
from worker_runtime.local.stage.polling.topic_feed import TopicBroken

if TYPE_CHECKING:
    from topics import Partitions, Place
    from worker_runtime.local.stage.polling.topic_consumer import TopicConsumer

ON_DEMAND = Kafka(TOPIC, dead_letters="dlq")
WANTED = {"value": {"kind": ["wanted"]}}
ENOUGH = 2_000


def provisioned(**settings: Any) -> Kafka:
    return Kafka(TOPIC, **{"dead_letters": "dlq", "pollers": (1, 5), "partial_replies": True, **settings})


def refuse(_: Partitions) -> None:
    raise ValueError("poison")


def poison(*those: Place) -> Any:
    """Handle batches as the runtime replies where these records fail."""

    def handle(partitions: Partitions) -> Any:
        first: dict[int, int] = {}
        for partition, offset in those:
            first[partition] = min(offset, first.get(partition, offset))
        return failed(*(place for place in places(partitions) if place[1] >= first.get(place[0], ENOUGH)))

    return handle


def work_off(consumer: TopicConsumer, clock: SteppedClock, *, steps: int = ENOUGH) -> None:
    """Step until nothing is left, letting time pass where the consumer waits for it."""
    for _ in range(steps):
        if consumer.step():
            continue
        left_s = consumer.left_s()
        if left_s is None:
            return
        clock.sleep(left_s)
    raise AssertionError("there is no end to it")


def test_all_that_is_there_comes_in_batches_each_partition_in_order() -> None:
    topic, clock, function = MemoryTopic(), SteppedClock(), TopicFunction()
    for _ in range(3):
        topic.put(0)
        topic.put(1)

    work_off(consumer_of(topic, function, clock=clock, source=provisioned(batch_size=4)), clock)

    assert function.batches == [[(0, 0), (0, 1), (0, 2), (1, 0)], [(1, 1), (1, 2)]]
    assert topic.committed == {0: 3, 1: 3}


def test_a_batch_that_is_not_full_waits_for_its_window() -> None:
    topic, clock, function = MemoryTopic(), SteppedClock(), TopicFunction()
    consumer = consumer_of(topic, function, clock=clock, source=provisioned(batch_size=3, window_s=20))
    topic.put(0)
    consumer.step()

    clock.sleep(19)
    topic.put(0)
    consumer.step()
    before = list(function.batches)
    clock.sleep(1)
    consumer.step()

    assert before == []
    assert function.batches == [[(0, 0), (0, 1)]]


def test_a_full_batch_goes_before_its_window_is_over() -> None:
    topic, clock, function = MemoryTopic(), SteppedClock(), TopicFunction()
    consumer = consumer_of(topic, function, clock=clock, source=provisioned(batch_size=2, window_s=20))
    for _ in range(3):
        topic.put(0)

    consumer.step()

    assert function.batches == [[(0, 0), (0, 1)]]


def test_a_batch_stays_below_six_megabytes() -> None:
    topic, clock, function = MemoryTopic(), SteppedClock(), TopicFunction()
    for _ in range(5):
        topic.put(0, b"x" * 2_000_000)

    work_off(consumer_of(topic, function, clock=clock), clock)

    assert [len(batch) for batch in function.batches] == [2, 2, 1]


def test_what_no_filter_takes_is_committed_and_not_handed_over() -> None:
    topic, clock, function = MemoryTopic(), SteppedClock(), TopicFunction()
    for value in (b'{"kind":"other"}', b'{"kind":"wanted"}', b"\xff", b'{"kind":"other"}'):
        topic.put(0, value)

    wanted = provisioned(filters=(WANTED,))
    work_off(consumer_of(topic, function, clock=clock, source=wanted), clock)

    assert function.batches == [[(0, 1)]]
    assert topic.committed == {0: 4}


def test_what_a_filter_drops_is_not_committed_before_what_failed() -> None:
    topic, clock, function = MemoryTopic(), SteppedClock(), TopicFunction(poison((0, 0)))
    topic.put(0, b'{"kind":"wanted"}')
    topic.put(0, b'{"kind":"other"}')

    wanted = provisioned(filters=(WANTED,))
    consumer = consumer_of(topic, function, clock=clock, source=wanted)
    for _ in range(3):
        consumer.step()

    assert topic.committed == {0: 0}


@pytest.mark.parametrize(
    "reply", [failed((0, 0)), "nonsense", {"batchItemFailures": [{"itemIdentifier": ""}]}]
)
def test_without_partial_replies_any_reply_is_success(reply: Any) -> None:
    topic, clock, function = MemoryTopic(), SteppedClock(), TopicFunction(lambda _: reply)
    topic.put(0)

    work_off(consumer_of(topic, function, clock=clock, source=ON_DEMAND), clock)

    assert len(function.batches) == 1
    assert topic.committed == {0: 1}


def test_without_provisioned_mode_a_batch_comes_again_whole_until_it_goes_well() -> None:
    topic, clock = MemoryTopic(), SteppedClock()
    function = TopicFunction(at_first(refuse, times=40))
    destination = Destination()
    for partition in (0, 0, 1):
        topic.put(partition, at=clock.now())

    work_off(consumer_of(topic, function, clock=clock, source=ON_DEMAND, destination=destination), clock)

    assert function.batches == 41 * [[(0, 0), (0, 1), (1, 0)]]
    assert destination.told == []
    assert topic.committed == {0: 2, 1: 1}


def test_what_always_fails_ends_when_the_topic_has_forgotten_it() -> None:
    topic, clock, destination = MemoryTopic(), SteppedClock(), Destination()
    topic.put(0, at=clock.now())
    began = clock.now()

    work_off(
        consumer_of(topic, TopicFunction(refuse), clock=clock, source=ON_DEMAND, destination=destination),
        clock,
        steps=50_000,
    )

    ((listed, why),) = destination.told
    assert (listed, why.condition) == ([(0, 0)], "RecordAgeExceeded")
    assert clock.now() - began == pytest.approx(604_800, abs=60)
    assert topic.committed == {0: 1}


def test_a_partial_reply_lets_each_partition_go_on_from_its_first_failure() -> None:
    topic, clock = MemoryTopic(), SteppedClock()
    for _ in range(3):
        topic.put(0)
        topic.put(1)
    function = TopicFunction(at_first(poison((0, 1))))

    work_off(consumer_of(topic, function, clock=clock), clock)

    assert function.batches == [[(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)], [(0, 1), (0, 2)]]
    assert topic.committed == {0: 3, 1: 3}


def test_a_partition_that_is_retried_holds_up_no_other() -> None:
    topic, clock, function = MemoryTopic(), SteppedClock(), TopicFunction(poison((0, 0)))
    consumer = consumer_of(topic, function, clock=clock)
    topic.put(0)
    topic.put(1)
    consumer.step()

    topic.put(0)
    topic.put(1)
    consumer.step()

    assert function.batches == [[(0, 0), (1, 0)], [(1, 1)]]
    assert topic.committed == {0: 0, 1: 2}


def test_what_gathers_behind_a_failure_does_not_keep_other_partitions_from_being_read() -> None:
    topic, clock, function = MemoryTopic(), SteppedClock(), TopicFunction(poison((0, 0)))
    consumer = consumer_of(topic, function, clock=clock, source=provisioned(batch_size=2))
    for _ in range(50):
        topic.put(0)
    for _ in range(20):
        consumer.step()

    topic.put(1)
    for _ in range(3):
        consumer.step()

    assert topic.committed == {0: 0, 1: 1}


def test_what_is_retried_goes_before_what_follows_it_in_its_partition() -> None:
    topic, clock = MemoryTopic(), SteppedClock()
    function = TopicFunction(at_first(refuse))
    consumer = consumer_of(topic, function, clock=clock)
    topic.put(0)
    consumer.step()
    topic.put(0)

    work_off(consumer, clock)

    assert function.batches == [[(0, 0)], [(0, 0)], [(0, 1)]]


def test_a_batch_that_raises_is_halved_until_the_poison_is_alone() -> None:
    topic, clock, destination = MemoryTopic(), SteppedClock(), Destination()
    for _ in range(4):
        topic.put(0)
        topic.put(1)
    function = TopicFunction(lambda given: refuse({}) if (1, 0) in places(given) else None)

    work_off(
        consumer_of(
            topic,
            function,
            clock=clock,
            source=provisioned(bisect=True, retries=2),
            destination=destination,
        ),
        clock,
    )

    ((listed, why),) = destination.told
    assert listed == [(1, 0)]
    assert (why.condition, why.invocations, why.raised) == ("RetryAttemptsExhausted", 3, True)
    assert function.batches.count([(1, 0)]) == 3
    assert topic.committed == {0: 4, 1: 4}


def test_halves_of_halves_keep_the_order_of_their_partition() -> None:
    topic, clock = MemoryTopic(), SteppedClock()
    for _ in range(4):
        topic.put(0)
    function = TopicFunction(at_first(refuse, times=2))

    work_off(consumer_of(topic, function, clock=clock, source=provisioned(bisect=True)), clock)

    assert function.batches == [
        [(0, 0), (0, 1), (0, 2), (0, 3)],
        [(0, 0), (0, 1)],
        [(0, 0)],
        [(0, 1)],
        [(0, 2), (0, 3)],
    ]


def test_retries_without_a_limit_are_ten_where_there_is_a_destination() -> None:
    topic, clock, function, destination = MemoryTopic(), SteppedClock(), TopicFunction(refuse), Destination()
    topic.put(0)

    work_off(consumer_of(topic, function, clock=clock, destination=destination), clock)

    assert len(function.batches) == 11
    assert destination.places == [(0, 0)]
    assert topic.committed == {0: 1}


def test_only_what_is_too_old_is_given_up_unseen() -> None:
    topic, clock, function, destination = MemoryTopic(), SteppedClock(), TopicFunction(), Destination()
    topic.put(0, at=clock.now() - 61)
    topic.put(0, at=clock.now())

    work_off(
        consumer_of(topic, function, clock=clock, source=provisioned(max_age_s=60), destination=destination),
        clock,
    )

    ((listed, why),) = destination.told
    assert (listed, why.condition) == ([(0, 0)], "RecordAgeExceeded")
    assert function.batches == [[(0, 1)]]
    assert topic.committed == {0: 2}


def test_a_throttle_spends_no_retry() -> None:
    topic, clock, destination = MemoryTopic(), SteppedClock(), Destination()
    topic.put(0)
    function = TopicFunction(at_first(lambda _: Throttled(), times=5))

    work_off(
        consumer_of(topic, function, clock=clock, source=provisioned(retries=0), destination=destination),
        clock,
    )

    assert len(function.batches) == 6
    assert destination.told == []


@pytest.mark.parametrize(
    "reply",
    [
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": "things-0:0"}]},
        {"batchItemFailures": [{"itemIdentifier": {"partition": "things-0", "offset": "0"}}]},
        {"batchItemFailures": [{"itemIdentifier": {"partition": "things-0", "offset": 7}}]},
        {"batchItemFailures": [{"itemIdentifier": {"topic": "things-0", "offset": 0}}]},
        Reply(b"{"),
    ],
)
def test_a_reply_that_names_nothing_of_the_batch_fails_all_of_it(reply: Any) -> None:
    topic, clock = MemoryTopic(), SteppedClock()
    topic.put(0)
    topic.put(1)
    function = TopicFunction(at_first(lambda _: reply))

    work_off(consumer_of(topic, function, clock=clock), clock)

    assert function.batches == 2 * [[(0, 0), (1, 0)]]


def test_what_the_destination_does_not_take_any_more_is_not_committed() -> None:
    topic, clock, destination = MemoryTopic(), SteppedClock(), Destination()
    destination.open = False
    topic.put(0)
    consumer = consumer_of(
        topic, TopicFunction(refuse), clock=clock, source=provisioned(retries=0), destination=destination
    )

    consumer.step()

    assert topic.committed == {0: 0}
    assert consumer.busy()


def test_a_topic_that_does_not_answer_is_asked_again_and_nothing_is_lost() -> None:
    topic, clock, function = MemoryTopic(), SteppedClock(), TopicFunction()
    consumer = consumer_of(topic, function, clock=clock)
    topic.put(0)

    def outage(_: Partitions) -> None:
        topic.broken = True

    function.handle = outage
    with pytest.raises(TopicBroken):
        consumer.step()
    busy = consumer.busy()
    topic.broken = False
    consumer.step()

    assert busy
    assert topic.committed == {0: 1}
    assert not consumer.busy()


def test_a_partition_that_is_added_is_read_from_its_first_record() -> None:
    topic, clock, function = MemoryTopic(), SteppedClock(), TopicFunction()
    consumer = consumer_of(topic, function, clock=clock)
    topic.put(0)
    work_off(consumer, clock)

    topic.partitions = 3
    topic.put(2)
    busy = consumer.busy()
    clock.sleep(GROWTH_S)
    work_off(consumer, clock)

    assert busy  # before it was found
    assert function.batches == [[(0, 0)], [(2, 0)]]
    assert topic.committed == {0: 1, 2: 1}


class Polled(RuleBasedStateMachine):
    """Random records, verdicts, crashes, restarts and more partitions; what holds whatever comes."""

    @initialize(
        batch_size=st.integers(1, 5),
        provisioned_mode=st.booleans(),
        bisect=st.booleans(),
        retries=st.sampled_from([-1, 0, 2]),
    )
    def begin(self, batch_size: int, provisioned_mode: bool, bisect: bool, retries: int) -> None:
        common: dict[str, Any] = {"dead_letters": "dlq", "batch_size": batch_size, "filters": (WANTED,)}
        mode: dict[str, Any] = {"bisect": bisect, "retries": retries} if provisioned_mode else {}
        self.source = provisioned(**common, **mode) if provisioned_mode else Kafka(TOPIC, **common)
        self.topic, self.clock, self.destination = MemoryTopic(partitions=3), SteppedClock(), Destination()
        self.verdicts: list[Any] = []
        self.finished: set[Place] = set()
        self.wrong: list[str] = []
        self.function = TopicFunction(self.take)
        self.restart()

    def take(self, partitions: Partitions) -> Any:
        """Check what comes, and answer with the next verdict."""
        batch = places(partitions)
        for partition in {partition for partition, _ in batch}:
            offsets = [offset for other, offset in batch if other == partition]
            between = {(partition, at) for at in range(offsets[0], offsets[-1])} - set(batch)
            before = {(partition, at) for at in range(offsets[0])}
            if offsets != sorted(offsets) or not (between | before) <= self.finished:
                self.wrong.append(f"{batch} came while only {sorted(self.finished)} was finished")
        verdict = self.verdicts.pop() if self.verdicts else None
        if verdict == "raise":
            raise ValueError("as asked")
        if verdict == "crash":
            return crashed("", exit_code=-9, started=True)
        if verdict == "throttle":
            return Throttled()
        if isinstance(verdict, set) and self.source.partial_replies:
            listed = [place for at, place in enumerate(batch) if at in verdict]
            first = {partition: min(o for p, o in listed if p == partition) for partition, _ in listed}
            self.finished |= {(p, o) for p, o in batch if o < first.get(p, o + 1)}
            return failed(*listed)
        self.finished |= set(batch)
        return None

    @rule(partition=st.integers(0, 5), value=st.sampled_from([b'{"kind":"wanted"}', b'{"kind":"other"}']))
    def put(self, partition: int, value: bytes) -> None:
        place = self.topic.put(partition % self.topic.partitions, value, at=self.clock.now())
        if b"other" in value:
            self.finished.add(place)

    @rule(
        verdicts=st.lists(
            st.one_of(st.sampled_from(["raise", "crash", "throttle"]), st.sets(st.integers(0, 4)), st.none()),
            max_size=3,
        )
    )
    def decide(self, verdicts: list[Any]) -> None:
        self.verdicts = verdicts

    @rule(times=st.integers(1, 4))
    def step(self, times: int) -> None:
        for _ in range(times):
            self.consumer.step()
            self.finished |= set(self.destination.places)

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    @rule()
    def restart(self) -> None:
        """Begin anew, with nothing but what Kafka knows."""
        self.consumer = consumer_of(
            self.topic, self.function, clock=self.clock, source=self.source, destination=self.destination
        )

    @precondition(lambda self: self.topic.partitions < 5)
    @rule()
    def add_a_partition(self) -> None:
        self.topic.partitions += 1

    @rule()
    def outage(self) -> None:
        self.topic.broken = True
        with pytest.raises(TopicBroken):
            self.consumer.step()
        self.topic.broken = False

    @invariant()
    def what_is_committed_is_finished(self) -> None:
        for partition, offset in self.topic.committed.items():
            assert {(partition, at) for at in range(offset)} <= self.finished

    @invariant()
    def each_partition_keeps_its_order(self) -> None:
        assert not self.wrong

    def teardown(self) -> None:
        """Let everything go well from now on: all is done or given up, and Kafka knows it."""
        if not hasattr(self, "consumer"):
            return
        self.verdicts = []
        self.clock.sleep(GROWTH_S)
        work_off(self.consumer, self.clock)
        self.finished |= set(self.destination.places)

        everything = {(p, each.offset) for p, log in self.topic.records.items() for each in log}
        assert not self.wrong
        assert everything == self.finished
        assert self.topic.committed == {p: len(log) for p, log in self.topic.records.items()}
        assert not self.consumer.busy()


TestPolled = Polled.TestCase
TestPolled.settings = settings(max_examples=150, stateful_step_count=30)
