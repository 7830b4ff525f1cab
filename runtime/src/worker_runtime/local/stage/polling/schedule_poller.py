"""Fires a schedule on the stage's clock: each tick is an asynchronous invocation.

When it was made and its last tick are remembered: a stage that goes on counts on from there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from worker_runtime.local.stage.keeping.memory import Forgetful
from worker_runtime.local.stage.names import local_name
from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.polling.due_times import due_after
from worker_runtime.local.stage.polling.stage_time import machine_seconds
from worker_runtime.local.stage.threads.real import REAL
from worker_runtime.sources.ticks import tick

if TYPE_CHECKING:
    from typing import Self

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.keeping.memory import Memory
    from worker_runtime.local.stage.polling.async_events import AsyncEvents
    from worker_runtime.local.stage.threads.threads import Threads
    from worker_runtime.sources.schedule import Schedule

_TIMES: Final = "time"
_LONGEST_WAIT_S = 3_600.0  # of the machine's time; a lock cannot wait for years


class SchedulePoller(Part):
    """Puts an event into Lambda's queue whenever the schedule is due."""

    def __init__(  # noqa: PLR0913 - what is due, whose queue, and three parts of the stage
        self,
        source: Schedule,
        *,
        function_arn: str,
        events: AsyncEvents,
        clock: Clock,
        threads: Threads = REAL,
        memory: Memory | None = None,
    ) -> None:
        self._memory = Forgetful() if memory is None else memory
        self._source = source
        self._events = events
        self._clock = clock
        self._region, self._account, _, self._function = function_arn.split(":")[3:7]
        self._quit = threads.flag()
        self._thread = threads.thread(self._keep_time, name="schedule")

    def start(self) -> Self:
        """Begin to count, from now on or from where it was."""
        self._events.take_up()
        self._thread.start()
        return self

    def quit(self) -> None:
        """Fire no more; what is in flight goes on."""
        self._quit.set()
        self._events.quit()

    def stop(self) -> None:
        """Fire no more and wait for the end of what is in flight."""
        self.quit()
        if self._thread.is_alive():
            self._thread.join()
        self._events.join()

    def busy(self) -> bool:
        """Whether a tick is in flight or being retried; one to come keeps nobody busy."""
        return self._events.busy()

    def _keep_time(self) -> None:
        times = {name: float(value) for name, value in self._memory.read(_TIMES)}
        since = times.get("made") or self._remembered("made", self._clock.now())
        after = math.nextafter(since, -math.inf)
        if "last" in times:
            after = max(times["last"], math.nextafter(self._clock.now(), -math.inf))
        while (due := due_after(self._source, after, since=since)) is not None and self._wait_until(due):
            self._fire(due)
            self._remembered("last", due)
            after = max(due, self._clock.now())  # what was missed meanwhile is not made up for

    def _remembered(self, name: str, at: float) -> float:
        self._memory.put(_TIMES, name, msgspec.json.encode(at))
        return at

    def _wait_until(self, due: float) -> bool:
        """Wait for the time; False where the stage is taken down before."""
        while (left_s := machine_seconds(self._clock, due - self._clock.now())) > 0:
            if self._quit.wait(min(left_s, _LONGEST_WAIT_S)):
                return False
        return not self._quit.is_set()

    def _fire(self, due: float) -> None:
        name = local_name(self._source.rule) if self._source.rule else self._function
        self._events.put(tick(self._source, at=due, region=self._region, account=self._account, name=name))
