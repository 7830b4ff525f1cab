"""Lambda's queue of asynchronous events through any number of lives, and a witness of what it promises."""

from __future__ import annotations

import json
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

from listed import FUNCTION_ARN, ListedQueue
from planned import STORY_S, Broken, Mortal, MortalFunction, Plan, PlannedFunction, QuickTurns
from remembered import Remembered
from staged import WORKER
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.execution.answers import Reply, Throttled
from worker_runtime.local.stage.lineage.happenings import Ended, EventHandedOver, GivenUp
from worker_runtime.local.stage.mischief import SeededMischief
from worker_runtime.local.stage.polling.async_events import AsyncEvents
from worker_runtime.local.stage.polling.delivering import Delivery
from worker_runtime.local.stage.polling.on_failure import OnFailureQueue

if TYPE_CHECKING:
    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.lineage.happenings import Happening
    from worker_runtime.sources.asynchronous import AsyncSource

LONG_S = 43_200.0
RETRIED_AFTER_S = (60, 120)


class EventWitness:
    """A journal of one life that holds each happening against what was promised."""

    def __init__(self, source: AsyncSource, clock: Clock, *, at_once: int) -> None:
        self._source = source
        self._clock = clock
        self._at_once = at_once
        self._named: dict[str, str] = {}  # events by request id
        self._in_flight: set[str] = set()
        self._repeats: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._failed_at: dict[str, float] = {}
        self._disturbed: set[str] = set()  # tried in another life too: what that knew may be forgotten
        self.put_at: dict[str, float] = {}
        self.over: set[str] = set()
        self.ending = False  # what is cut short proves nothing

    def note(self, happening: Happening) -> None:
        match happening:
            case EventHandedOver(request_id=request_id, event=event, repeated=repeated):
                name = self._named[request_id] = json.loads(event)["name"]
                if repeated:
                    self._repeats[request_id] += 1
                else:
                    self._handed_over(name)
            case Ended(request_id=request_id) if self._repeats[request_id]:
                self._repeats[request_id] -= 1
            case Ended(request_id=request_id):
                self._ended(self._named[request_id], happening)
            case GivenUp(records=str(request_id), condition=condition, letter=letter):
                self._given_up(request_id, condition, letter)

    def new_life(self, kept: set[str]) -> None:
        """Let all that was in hand be; what was kept comes again, though it may just have been over."""
        self._in_flight.clear()
        self.over -= kept
        self.ending = False
        self._repeats.clear()
        self._disturbed |= self.put_at.keys() - self.over

    def _handed_over(self, name: str) -> None:
        now = self._clock.now()
        assert name not in self.over, f"{name} was over"
        assert name not in self._in_flight, f"{name} is in flight twice"
        assert len(self._in_flight) < self._at_once, "too many at once"
        assert now <= self.put_at[name] + self._source.max_age_s, f"{name} is too old"
        if name not in self._disturbed:
            failures = self._failures[name]
            assert failures <= self._source.retries, f"{name} is tried too often"
            if failures:
                assert now >= self._failed_at[name] + RETRIED_AFTER_S[failures - 1], "tried again too soon"
        self._in_flight.add(name)

    def _ended(self, name: str, ended: Ended) -> None:
        self._in_flight.discard(name)
        if ended.report is None or isinstance(ended.report.answer, Throttled):
            return
        if isinstance(ended.report.answer, Reply):
            self.over.add(name)
            return
        if self.ending:
            return
        self._failures[name] += 1
        self._failed_at[name] = self._clock.now()

    def _given_up(self, request_id: str, condition: str, letter: str) -> None:
        assert letter, "given up, and no dead letter tells"
        name = self._named.get(request_id)
        if name is None:  # never tried: its letter says which it was
            return
        assert name not in self.over, f"{name} was over"
        if condition == "EventAgeExceeded":
            assert self._clock.now() >= self.put_at[name] + self._source.max_age_s, "given up too young"
        elif name not in self._disturbed:
            assert self._failures[name] == self._source.retries + 1, "given up too soon"
        self.over.add(name)


class PlannedEvents:
    """A queue of events, its worker, its destination."""

    def __init__(self, source: AsyncSource, *, faults: set[str], seed: int, at_once: int) -> None:
        self.turns = QuickTurns()
        self.clock = self.turns.clock
        self.destination = ListedQueue(self.clock)
        self.letters = Broken(self.destination)
        self.function = PlannedFunction(self.clock, ids_of=lambda event: [event["name"]])
        self.witness = EventWitness(source, self.clock, at_once=at_once)
        self._source = source
        self._at_once = at_once
        self._mischief = SeededMischief(faults, seed=seed)
        self._remembered = Remembered()
        self._numbers = count(1)
        self.begin()

    def put(self, plan: Plan) -> None:
        name = f"e{next(self._numbers)}"
        self.function.plans[name] = plan
        self.witness.put_at[name] = self.clock.now()
        self._events.put({"name": name})

    def begin(self) -> None:
        self._letters = Mortal(self.letters)
        self._worker = MortalFunction(self.function)
        letters: Any = self._letters
        self._events = AsyncEvents(
            self._source,
            function_arn=FUNCTION_ARN,
            delivery=Delivery(
                WORKER,
                invoker=self._worker,
                tally=Tally([WORKER]),
                accidents=self._mischief,
                journal=self.witness,
            ),
            on_failure=OnFailureQueue(letters, "letters"),
            clock=self.clock,
            at_once=self._at_once,
            threads=self.turns,
            memory=self._remembered,
        )
        self._events.take_up()

    def end(self, *, cut_short: bool = False) -> None:
        """Take the queue down; what is under way ends, of itself or ``cut_short``."""
        self._worker.cut_short = self.witness.ending = cut_short
        self._events.quit()
        self._events.join()
        self.witness.new_life(self._kept())

    def kill(self) -> None:
        """Let the queue have no effect any more from here on, as one whose stage is killed."""
        self._letters.dead = self._worker.dead = True
        self._remembered = self._remembered.copy()
        self.end()

    def settle(self) -> None:
        """Let stories end by themselves, then all go well, and time pass until nothing is under way."""
        self.clock.sleep(STORY_S)
        self.letters.mend()
        self.function.healed, self.function.throttled = True, 0
        until = self.clock.now() + LONG_S
        while self._events.busy():
            assert self.clock.now() < until, "it does not come to an end"
            self.clock.sleep(60)

    @property
    def lost(self) -> set[str]:
        """What is not over, nor remembered, nor told of by a dead letter."""
        told = {json.loads(body)["requestPayload"]["name"] for body in self.destination.bodies()}
        return self.witness.put_at.keys() - self.witness.over - told - self._kept()

    def _kept(self) -> set[str]:
        return {json.loads(value)["event"]["name"] for _, value in self._remembered.read("event")}
