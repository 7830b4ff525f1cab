"""What a topic, bucket or rule sent reaches its worker, with Lambda's retries, and is never lost."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from listed import ORIGIN, ListedQueue
from staged import WORKER, NoAccidents
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.execution.answers import Answer, FunctionError, Reply, Throttled
from worker_runtime.local.stage.execution.invocations import Report
from worker_runtime.local.stage.polling.async_events import AsyncEvents
from worker_runtime.local.stage.polling.delivering import Delivery
from worker_runtime.local.stage.polling.event_relay import IN_HAND, EventRelay
from worker_runtime.local.stage.polling.on_failure import OnFailureQueue
from worker_runtime.local.stage.polling.visibility import VisibilityBook
from worker_runtime.local.stage.threads.turns import Turns
from worker_runtime.sources.asynchronous import AsyncSource

if TYPE_CHECKING:
    from collections.abc import Callable

DONE = Reply(b"null")
SLIP = FunctionError(error_type="Slip", message="as asked")
LONG_S = 43_200.0


class TextForm:
    """The event is the message's JSON; one that says ``drop`` is none."""

    def event(self, text: str) -> Any | None:
        event = json.loads(text)
        return None if event["name"] == "drop" else event

    def refusal(self, event: Any) -> None:
        """Refuse nothing."""


class Worker:
    """Answers each event as ``answer`` says, and remembers when it was asked."""

    def __init__(self, answer: Callable[[str, int], Answer] = lambda name, nth: DONE) -> None:  # noqa: ARG005 - all is well
        self.answer = answer
        self.asked: dict[str, list[float]] = defaultdict(list)
        self.now: Callable[[], float] = lambda: 0.0

    def invoke(self, event: Any, *, request_id: str | None = None) -> Report:
        name = json.loads(event)["name"]
        self.asked[name].append(self.now())
        return Report(request_id=request_id or "", answer=self.answer(name, len(self.asked[name])))

    def kill_one(self, *, in_flight: bool = True) -> int | None:  # noqa: ARG002 - as an executor's
        return None

    def stop(self) -> None:
        pass


class RelayStand:
    """One relay after another before one worker, on threads that take turns."""

    def __init__(self, worker: Worker, **settings: Any) -> None:
        self.turns = Turns(speed=60, origin=ORIGIN)
        self.worker = worker
        worker.now = self.turns.clock.now
        self.queue = ListedQueue(self.turns.clock)
        self.letters = ListedQueue(self.turns.clock)
        self._source = AsyncSource(**{"dead_letters": "letters", **settings})

    def send(self, *names: str) -> None:
        for name in names:
            self.queue.send(json.dumps({"name": name}))

    def relay(self, *, for_s: float | None = None) -> None:
        """Run a relay until nothing is left, or for so long, as a stage that is taken down in between."""
        sqs: Any = self.queue
        letters: Any = self.letters
        clock, threads = self.turns.clock, self.turns
        book = VisibilityBook(sqs, clock=clock, threads=threads).start()
        delivery = Delivery(WORKER, invoker=self.worker, tally=Tally([WORKER]), accidents=NoAccidents())
        events = AsyncEvents(
            self._source,
            function_arn="arn:aws:lambda:us-east-1:000000000000:function:local-worker",
            delivery=delivery,
            on_failure=OnFailureQueue(letters, "letters"),
            clock=clock,
            at_once=2,
            threads=threads,
        )
        relay = EventRelay(
            "relay",
            form=TextForm(),
            delivery=delivery,
            events=events,
            sqs=sqs,
            book=book,
            threads=threads,
        )
        relay.start()
        until = clock.now() + (LONG_S if for_s is None else for_s)
        while relay.busy() and clock.now() < until:
            clock.sleep(1)
        assert for_s is not None or not relay.busy(), "it does not come to an end"
        relay.stop()
        book.stop()

    def given_up(self) -> list[str]:
        return [json.loads(body)["requestPayload"]["name"] for body in self.letters.bodies()]


def fails(times: int) -> Callable[[str, int], Answer]:
    return lambda _, nth: SLIP if nth <= times else DONE


def test_an_event_that_is_done_is_gone_from_the_relay() -> None:
    stand = RelayStand(Worker())
    stand.send("a", "b")

    stand.relay()

    assert {name: len(times) for name, times in stand.worker.asked.items()} == {"a": 1, "b": 1}
    assert (stand.queue.bodies(), stand.given_up()) == ([], [])


def test_what_is_no_event_is_dropped_and_holds_nothing_up() -> None:
    stand = RelayStand(Worker())
    stand.queue.send("no JSON")
    stand.queue.send('{"other": 1}')
    stand.send("drop", "a")

    stand.relay()

    assert list(stand.worker.asked) == ["a"]
    assert stand.queue.bodies() == []


def test_an_error_comes_again_after_one_and_two_minutes_and_is_given_up_then() -> None:
    stand = RelayStand(Worker(fails(times=9)))
    stand.send("a")

    stand.relay()

    first, second, third = stand.worker.asked["a"]
    assert (round(second - first), round(third - second)) == (60, 120)
    assert stand.given_up() == ["a"]
    assert stand.queue.bodies() == []


def test_an_event_whose_message_cannot_be_deleted_comes_again() -> None:
    class Stubborn(ListedQueue):
        refusals = 1

        def delete_message_batch(self, *, Entries: Any, **more: Any) -> Any:  # noqa: N803 - as boto3 has it
            if not self.refusals:
                return super().delete_message_batch(Entries=Entries, **more)
            self.refusals -= 1
            return {"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}

    stand = RelayStand(Worker())
    stand.queue = Stubborn(stand.turns.clock)
    stand.send("a")

    stand.relay(for_s=60)

    assert len(stand.worker.asked["a"]) == 2
    assert stand.queue.bodies() == []


def test_a_throttled_event_spends_no_try() -> None:
    stand = RelayStand(Worker(lambda _, nth: Throttled() if nth <= 4 else DONE))
    stand.send("a")

    stand.relay()

    times = stand.worker.asked["a"]
    waits = [round(after - before) for before, after in pairwise(times)]
    assert waits == [1, 2, 4, 8]
    assert stand.given_up() == []


def test_an_event_is_throttled_no_longer_than_it_may_grow_old() -> None:
    stand = RelayStand(Worker(lambda *_: Throttled()), max_age_s=60)
    stand.send("a")

    stand.relay()

    (letter,) = stand.letters.bodies()
    assert json.loads(letter)["requestContext"]["condition"] == "EventAgeExceeded"
    assert stand.queue.bodies() == []


def test_a_stage_taken_down_between_two_tries_finds_the_event_again() -> None:
    stand = RelayStand(Worker(fails(times=1)))
    stand.send("a")

    stand.relay(for_s=30)
    kept = stand.queue.bodies()
    stand.relay()

    assert kept == ['{"name": "a"}']
    assert len(stand.worker.asked["a"]) == 2
    assert (stand.queue.bodies(), stand.given_up()) == ([], [])


def test_only_so_many_events_are_taken_out_at_once() -> None:
    stand = RelayStand(Worker(lambda *_: Throttled()), max_age_s=600)
    stand.send(*map(str, range(IN_HAND + 20)))

    stand.relay(for_s=60)
    soon = len(stand.worker.asked)

    assert soon == IN_HAND


@settings(max_examples=60)
@given(
    failures=st.lists(st.integers(0, 4), min_size=1, max_size=12),
    retries=st.integers(0, 2),
    throttled=st.sets(st.integers(0, 11)),
    stops=st.lists(st.floats(0, 200), max_size=3),
)
def test_every_event_is_done_or_given_up_whatever_happens(
    failures: list[int], retries: int, throttled: set[int], stops: list[float]
) -> None:
    def answer(name: str, nth: int) -> Answer:
        throttles = int(int(name) in throttled)
        if nth <= throttles:
            return Throttled()
        return SLIP if nth - throttles <= failures[int(name)] else DONE

    stand = RelayStand(Worker(answer), retries=retries)
    names = [str(number) for number in range(len(failures))]
    stand.send(*names)

    for for_s in stops:
        stand.relay(for_s=for_s)
    stand.relay()

    given_up = stand.given_up()
    asked = {name: len(times) - int(int(name) in throttled) for name, times in stand.worker.asked.items()}
    done = {name for name in names if asked[name] > failures[int(name)]}
    assert stand.queue.bodies() == []
    assert done | set(given_up) == set(names)
    assert len(given_up) == len(set(given_up))
    if not stops:
        assert done.isdisjoint(given_up)
        assert asked == {name: min(failures[int(name)], retries) + 1 for name in names}
