"""A whole stack on one machine: real parts, real worker processes, Lambda's pollers, one clock.

``with Stage(StageOptions(stacks=("dmnd",), speed=20)) as stage:`` brings everything up; whatever
happens inside, no process, thread or port is left behind.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from worker_runtime.errors import WorkerRuntimeError
from worker_runtime.local.stage.accidents import Accidents
from worker_runtime.local.stage.by_hand import ByHand, InvocationFailed
from worker_runtime.local.stage.company import Company
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.emulator_lost import EmulatorWatch
from worker_runtime.local.stage.keeping.heart import Heart
from worker_runtime.local.stage.keeping.kept_clock import BEAT_S
from worker_runtime.local.stage.keeping.standing import EVERY_S
from worker_runtime.local.stage.leading import leading_to
from worker_runtime.local.stage.mischief import SeededMischief
from worker_runtime.local.stage.opening import open_play
from worker_runtime.local.stage.options import StageOptions
from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.scenery import Scenery
from worker_runtime.local.stage.threads.turns import Turns

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from worker_runtime.local.dead_letters.letters import Letter
    from worker_runtime.local.stage.aws_clients import AwsClients
    from worker_runtime.local.stage.counting import WorkerCounts
    from worker_runtime.local.stage.keeping.memory import Memory
    from worker_runtime.local.stage.parts.stand_in import StandIn
    from worker_runtime.local.stage.polling.stage_time import StageClock
    from worker_runtime.local.stage.threads.threads import Threads

__all__ = ["InvocationFailed", "NotIdle", "Stage", "StageOptions"]

_IDLE_CHECK_S = 0.1


class NotIdle(WorkerRuntimeError):
    """Records are still on their way when they should not be any more."""


class Stage(Part):
    """One stage, from ``start`` to ``stop``; its attributes are there once it is started."""

    clock: StageClock
    threads: Threads

    def __init__(self, options: StageOptions) -> None:
        """Prepare; raises UnknownFault."""
        self.options = options
        self._accidents = Accidents(options.faults, seed=options.seed, at_once=options.in_process)
        self._mischief = SeededMischief(options.faults, seed=options.seed)
        self._parts = ExitStack()

    def start(self) -> Self:
        """Bring everything up; what fails half way takes down what was up.

        Raises NothingToStage and StackBroken before anything is up.
        """
        with ExitStack() as parts:
            self._bring_up(parts)
            self._parts = parts.pop_all()
        return self

    def stop(self) -> None:
        """Take everything down, the pollers first; messages in flight become visible again."""
        self._parts.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop; what failed because the emulator had ended is raised as EmulatorLost."""
        super().__exit__(kind, error, traceback)
        if isinstance(error, Exception):
            self._emulator.check()

    @property
    def aws(self) -> AwsClients:
        """boto3's low-level clients by service, straight to the emulator and its own time."""
        return self._scenery.aws

    @property
    def logs(self) -> Path:
        """The folder of what the workers print, one file each."""
        return self._company.logs

    def named(self, kind: str, name: str) -> str:
        """Return the real name, URL or ARN of a resource; raises NotStaged."""
        return self._scenery.names.named(kind, name)

    def environment(self) -> dict[str, str]:
        """Return the variables with which a command of a person finds all that is on this stage."""
        play = self._play
        return leading_to(self._scenery, folder=play.folder, declarations=play.declarations.values())

    def urls(self) -> dict[str, tuple[str, ...]]:
        """Return where workers answer HTTP, by worker: ``POST http://127.0.0.1:4000/orders/{id}``."""
        return self._company.urls()

    def queues(self) -> dict[str, str]:
        """Return the URLs of all queues, by their logical names."""
        return self._scenery.names.of_kind("queue")

    def dead_letter_queues(self) -> set[str]:
        """Name the queues of dead letters."""
        sources = (source for declared in self._play.declarations.values() for source in declared.sources)
        return {name for source in sources if (name := getattr(source, "dead_letters", None))}

    def memory(self, owner: str) -> Memory:
        """Return what a driver of this stage does not forget when the stage goes on."""
        return self._play.memories.of(owner)

    def stand_in(self, name: str) -> StandIn:
        """Return the running stand-in of an outside service."""
        stand_ins = self._scenery.stand_ins
        if name not in stand_ins:
            known = ", ".join(sorted(stand_ins)) or "none"
            raise WorkerRuntimeError(f"no stand-in is called {name!r}; there are {known}.")
        return stand_ins[name]

    def throttle_writes(self, *, share: float) -> None:
        """Let DynamoDB leave this share (0 to 1) of all batch writes unprocessed from now on."""
        self._scenery.unprocessed.share = share

    def lose_redis(self, *, down_s: float) -> None:
        """Kill Redis and bring an empty one back after ``down_s`` of the machine's seconds; returns then."""
        redis = self._scenery.redis
        if redis is None:
            raise WorkerRuntimeError("no worker of this stage is granted a Redis, so there is none to lose.")
        redis.kill()
        self.clock.sleep(down_s * self.clock.speed)
        redis.start()

    def workers(self) -> dict[str, WorkerCounts]:
        """Return what each worker has done so far."""
        return self._tally.by_worker()

    def idle(self) -> bool:
        """Whether no record is unread, in flight, hidden or delayed anywhere, dead letters excepted."""
        before = self._tally.moves
        delayed = self._scenery.delayed
        if delayed is not None and delayed.busy():
            return False
        return not self._company.busy() and self._tally.moves == before

    def wait_idle(self, *, timeout_s: float) -> None:
        """Wait until the stage is idle; raises NotIdle after ``timeout_s`` of the machine's seconds."""
        deadline = time.monotonic() + timeout_s
        while not self.idle():
            if time.monotonic() > deadline:
                raise NotIdle(f"records are still on their way after {timeout_s:g} s: {self.workers()}")
            self.look_again(within_s=_IDLE_CHECK_S)

    def look_again(self, *, within_s: float) -> None:
        """Wait until it is worth looking how things are again: ``within_s`` of the machine's seconds.

        Raises EmulatorLost.
        """
        self._emulator.check()
        self.threads.look_again(self.threads.flag(), within_s=within_s)

    def serve(self) -> None:
        """Let the stage work at the pace of its speed, until Ctrl-C; raises EmulatorLost."""
        if not isinstance(self.threads, Turns):
            self._emulator.wait()
            return
        self.threads.paced = True
        self.threads.wait(lambda: self._emulator.is_lost, timeout=None)
        self._emulator.check()

    def dead_letters(self, queue: str) -> list[Letter]:
        """Look at what waits in a dead-letter queue, and leave it there."""
        return self._by_hand.dead_letters(queue)

    def redrive(self, queue: str, *, refresh: bool = False) -> int:
        """Send back the letters of a dead-letter queue and return how many went."""
        return self._by_hand.redrive(queue, refresh=refresh)

    def invoke(self, worker_id: str, event: Any) -> Any:
        """Run a worker on an event past all pollers and return its reply; raises InvocationFailed."""
        return self._by_hand.invoke(worker_id, event)

    def kill_worker(self, worker_id: str | None = None) -> int | None:
        """Kill one busy process of a worker, or of any, by SIGKILL; its id, None where none is busy."""
        return self._company.kill_one(worker_id)

    def _bring_up(self, parts: ExitStack) -> None:
        """Start part after part; ``parts`` takes them down in the opposite order."""
        self._play = play = open_play(self.options, parts)
        self.clock, self.threads = play.clock, play.threads
        self._tally = Tally(play.declarations, news=play.threads.news)
        parts.enter_context(self._accidents)
        self._scenery = parts.enter_context(Scenery(play, accidents=self._accidents))
        self._emulator = EmulatorWatch(self._scenery.lost, self.options)
        self._company = Company(play, scenery=self._scenery, tally=self._tally, mischief=self._mischief)
        self._by_hand = ByHand(play, scenery=self._scenery, company=self._company, tally=self._tally)
        self._accidents.plan_crashes(
            [partial(self._company.crash, worker_id) for worker_id in sorted(play.declarations)],
            services=sorted(self._scenery.stand_ins),
            crash_all=self._company.crash_all,
        )
        parts.enter_context(self._company)
        if (kept := play.kept) is not None:
            parts.enter_context(Heart(lambda: kept.beat(stage=self.clock.now()), every_s=BEAT_S))
            parts.enter_context(Heart(lambda: kept.told.tell(self), every_s=EVERY_S))
