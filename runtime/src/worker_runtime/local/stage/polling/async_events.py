"""Lambda's queue of asynchronous invocations: each event is tried by its rules until it is over.

A function error is retried one and two minutes later, a throttle for as long as the event is young
enough; then the event is given up. How many run at once is bounded: on a fast stage an invocation
of a moment lasts for many ticks. Events are remembered until they are over, but for those that come
from where they are given again.
"""

from __future__ import annotations

import json
import logging
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import msgspec

from worker_runtime.local.stage.execution.answers import Failure, Reply, Throttled
from worker_runtime.local.stage.keeping.memory import Forgetful
from worker_runtime.local.stage.lineage import happenings as lineage
from worker_runtime.local.stage.lineage.happenings import Waiting
from worker_runtime.local.stage.polling.async_failure import GivenUpEvent, failed_event_record
from worker_runtime.local.stage.polling.async_passage import Passage
from worker_runtime.local.stage.polling.stage_time import machine_seconds
from worker_runtime.local.stage.threads.real import REAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.execution.answers import Answer
    from worker_runtime.local.stage.keeping.memory import Memory
    from worker_runtime.local.stage.polling.async_failure import GivenUpFor
    from worker_runtime.local.stage.polling.delivering import Delivery
    from worker_runtime.local.stage.polling.on_failure import OnFailureQueue
    from worker_runtime.local.stage.threads.threads import Thread, Threads
    from worker_runtime.sources.asynchronous import AsyncSource

_RETRY_S: Final = (60.0, 120.0)  # after the first and the second error
_THROTTLED_S: Final = (1.0, 300.0)  # after the first throttle, doubling up to the latter
_EVENT: Final = "event"
_LOOK_S = 0.1  # of the machine's time: how often who waits for a place looks whether it is too late

_log = logging.getLogger(__name__)


class AsyncEvents:
    """The events on their way to one function; for many threads."""

    def __init__(  # noqa: PLR0913 - whose events, the way to it, and how many at once
        self,
        source: AsyncSource,
        *,
        function_arn: str,
        delivery: Delivery,
        on_failure: OnFailureQueue | None,
        clock: Clock,
        at_once: int,
        threads: Threads = REAL,
        memory: Memory | None = None,
    ) -> None:
        self._memory = Forgetful() if memory is None else memory
        self._source = source
        self._function_arn = function_arn
        self._delivery = delivery
        self._on_failure = on_failure
        self._clock = clock
        self._threads = threads
        self._places = threads.places(at_once)
        self._quit = threads.flag()
        self._lock = Lock()
        self._under_way: set[Thread] = set()

    def take_up(self) -> None:
        """Go on with the events that are remembered."""
        for _, value in self._memory.read(_EVENT):
            self._begin(msgspec.json.decode(value, type=Passage), then=None)

    def put(self, event: Any, *, then: Callable[[], None] | None = None) -> None:
        """Take an event; a thread of its own sees it through.

        It calls ``then`` when the event is done or given up; not where ``quit`` came before. Who says
        ``then`` gives the event again to a stage that goes on; any other is remembered.
        """
        now = self._clock.now()
        request_id = str(uuid4())
        late_s = self._delivery.late_by_s(request_id) + self._delivery.overtaken_for_s(request_id)
        passage = Passage(event=event, request_id=request_id, queued_at=now, due_at=now + late_s)
        if then is None:
            self._remember(passage)
        self._begin(passage, then=then)

    def _begin(self, passage: Passage, *, then: Callable[[], None] | None) -> None:
        thread = self._threads.thread(partial(self._see_through, passage, then), name="event")
        with self._lock:
            self._under_way.add(thread)
        self._delivery.moved()
        thread.start()

    def busy(self) -> bool:
        """Whether an event is in flight or waits for its next try."""
        with self._lock:
            return bool(self._under_way)

    def quit(self) -> None:
        """Try nothing more; what is in flight goes on."""
        self._quit.set()

    def join(self) -> None:
        """Wait for the end of what is in flight, after ``quit``."""
        with self._lock:
            under_way = list(self._under_way)
        for thread in under_way:
            thread.join()

    def _see_through(self, passage: Passage, then: Callable[[], None] | None) -> None:
        try:
            while self._is_due(passage) and (wait_s := self._try(passage)) is not None:
                passage.due_at = self._clock.now() + wait_s
                worker_id = self._delivery.worker_id
                self._delivery.note(Waiting(worker_id, passage.request_id, passage.due_at, "retry"))
                if then is None:
                    self._remember(passage)
            if passage.over:
                (then or partial(self._memory.drop, _EVENT, passage.request_id))()
        finally:
            self._delivery.moved()
            with self._lock:
                self._under_way.discard(self._threads.current())

    def _is_due(self, passage: Passage) -> bool:
        """Wait for the next try; False where nothing is to be tried any more."""
        if (left_s := machine_seconds(self._clock, passage.due_at - self._clock.now())) > 0:
            self._quit.wait(left_s)
        return not self._quit.is_set()

    def _remember(self, passage: Passage) -> None:
        self._memory.put(_EVENT, passage.request_id, msgspec.json.encode(passage))

    def _try(self, passage: Passage) -> float | None:
        """Invoke the function once; how long to wait for the next try, None where there is none."""
        if not self._found_place(passage):
            if not self._quit.is_set():
                self._give_up(passage, "EventAgeExceeded")
            return None
        try:
            answer = self._delivery.hand_over_event(
                json.dumps(passage.event).encode(),
                request_id=passage.request_id,
                spare=self._on_failure is None or passage.errors < self._source.retries,
            )
        finally:
            self._places.release()
        return self._after(passage, answer)

    def _after(self, passage: Passage, answer: Answer | None) -> float | None:
        match answer:
            case Reply():
                passage.over = True
            case Throttled():
                passage.throttles += 1
                first_s, most_s = _THROTTLED_S
                return float(min(first_s * 2 ** (passage.throttles - 1), most_s))
            case Failure() as failure if not self._quit.is_set():  # else it proves nothing
                passage.last = failure
                passage.errors += 1
                if passage.errors > self._source.retries:
                    self._give_up(passage, "RetriesExhausted")
                    return None
                return _RETRY_S[passage.errors - 1]
        return None

    def _found_place(self, passage: Passage) -> bool:
        """Wait for one of the places; False where the event grows too old for it."""
        while not self._quit.is_set():
            left_s = passage.queued_at + self._source.max_age_s - self._clock.now()
            if left_s <= 0:
                return False
            if self._places.acquire(timeout=min(machine_seconds(self._clock, left_s), _LOOK_S)):
                return True
        return False

    def _give_up(self, passage: Passage, condition: GivenUpFor) -> None:
        """Write the on-failure record where there is a destination; else the event is gone, as in AWS."""
        _log.info("%s: an event is given up: %s", self._delivery.worker_id, condition)
        given_up = partial(lineage.GivenUp, self._delivery.worker_id, passage.request_id, condition)
        if self._on_failure is None:
            passage.over = True
            self._delivery.note(given_up())
            return
        why = GivenUpEvent(
            event=passage.event,
            condition=condition,
            request_id=passage.request_id,
            function_arn=self._function_arn,
            invocations=passage.errors,
            last=passage.last,
            at=self._clock.now(),
        )
        letter = self._on_failure.put(failed_event_record(why), until=self._quit)
        if letter is None:
            return  # the stage is being taken down: its next one gives it up
        self._delivery.note(given_up(letter=letter))
        passage.over = True
        if letter:
            self._delivery.gave_up(records=1)
