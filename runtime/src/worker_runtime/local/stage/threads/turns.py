"""Threads that take turns on a clock that jumps: what a stage does at the same time becomes one order.

One thread runs, until it waits; then the one goes on that waited longest of those whose wait is over,
the stage's own (who watches and judges) after all others. Where there is none, time jumps to the next
moment that somebody waits for. Threads of others (an HTTP server's, a worker's own) take no part: they
act while the one waits that called them.
"""

from __future__ import annotations

import logging
import threading
import time
from itertools import count
from typing import TYPE_CHECKING, Final

from worker_runtime.local.stage.threads.held_signals import HeldSignals
from worker_runtime.local.stage.threads.jumping_clock import JumpingClock
from worker_runtime.local.stage.threads.waits import TurnCondition, TurnFlag, TurnPlaces

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.local.stage.threads.threads import Condition, Flag, Places, Thread

_MOMENT_S: Final = 0.02  # of the machine's time: nobody of ours can go on, others may change that
_SIGNALS_S: Final = 0.1  # a signal that comes just before a wait does not end it
_OUTSIDE_S: Final = 0.005  # how often a thread that takes no part looks whether its wait is over

_log = logging.getLogger(__name__)


class Turns:
    """``Threads`` of which one runs at a time; the thread that makes it is the stage's own."""

    def __init__(self, *, speed: float, origin: float) -> None:
        """Begin at ``origin`` (epoch seconds); time-outs in the machine's seconds count ``speed`` times."""
        self.clock = JumpingClock(speed, origin=origin, wait=self._sleep)
        self.paced = False
        """Whether time passes at ``speed`` where it would jump: people and their processes look on."""
        self._lock = threading.Lock()
        self._news = 0
        self._turns = count(1)
        self._here = threading.local()
        self._waiting: list[_Turn] = []
        self._own = self._here.turn = _Turn(self, _nothing, name="stage")

    def thread(self, target: Callable[[], None], *, name: str) -> Thread:
        """Make a thread that gets its first turn after it was started."""
        return _Turn(self, target, name=name)

    def current(self) -> Thread:
        """Return the thread whose turn it is."""
        turn: Thread = self._here.turn
        return turn

    def flag(self) -> Flag:
        """Make a flag."""
        return TurnFlag(self)

    def condition(self) -> Condition:
        """Make a condition."""
        return TurnCondition(self)

    def places(self, n: int) -> Places:
        """Make ``n`` places."""
        return TurnPlaces(self, n)

    def look_again(self, quit: Flag, *, within_s: float, left_s: float | None = None) -> bool:  # noqa: A002, ARG002 - what it is; news comes in time
        """Wait for news, its own since its last turn included, or for ``left_s`` or ``quit``."""
        turn = self._turn()
        if turn is self._own:
            self.news()
        seen = self._news if turn in (None, self._own) else turn.news_before
        self._wait(lambda: quit.is_set() or self._news > seen, timeout=left_s)
        return quit.is_set()

    def news(self) -> None:
        """Let all who look again do so."""
        with self._lock:
            self._news += 1

    def wait(self, over: Callable[[], bool], *, timeout: float | None) -> None:
        """Let others run until ``over`` or ``timeout`` (the machine's seconds) has passed."""
        if over():
            return
        if self._turn() is self._own:
            self.news()  # whatever was done meanwhile, from outside the stage
        self._wait(over, timeout=timeout)

    def _wait(self, over: Callable[[], bool], *, timeout: float | None) -> None:
        turn = self._turn()
        due = None if timeout is None else self.clock.now() + max(timeout, 0) * self.clock.speed
        if turn is None:
            self._wait_outside(over, due)
        elif turn is self._own:
            with HeldSignals() as held:  # they end the wait, and are raised once it is this one's turn
                self._let_others_run(turn, lambda: held.came or over(), due)
        else:
            self._let_others_run(turn, over, due)

    def _let_others_run(self, turn: _Turn, over: Callable[[], bool], due: float | None) -> None:
        with self._lock:
            turn.over, turn.due = over, due
            self._waiting.append(turn)
        self._pass_on()
        turn.go_on(look_up_s=_SIGNALS_S if turn is self._own else None)

    def started(self, turn: _Turn) -> None:
        """Give a new thread its place among those that wait."""
        with self._lock:
            turn.over, turn.due = _yes, None
            self._waiting.append(turn)

    def begun(self, turn: _Turn) -> None:
        """Wait, in the new thread, for its first turn."""
        self._here.turn = turn
        turn.go_on()

    def ended(self) -> None:
        """Pass on from a thread that has come to its end."""
        self.news()
        self._pass_on()

    def _turn(self) -> _Turn | None:
        return getattr(self._here, "turn", None)

    def _sleep(self, seconds: float) -> None:
        if self._turn() is None:  # it is called for by the one whose turn it is, who waits so long
            with self._lock:
                self.clock.jump(self.clock.now() + seconds)
        else:
            self.wait(_no, timeout=seconds / self.clock.speed)

    def _pass_on(self) -> None:
        while (turn := self._next()) is None:
            self._let_a_moment_pass()
        turn.go.set()

    def _let_a_moment_pass(self) -> None:
        time.sleep(_MOMENT_S)
        with self._lock:
            later = self.clock.now() + _MOMENT_S * self.clock.speed
            self.clock.jump(min([later, *(turn.due for turn in self._waiting if turn.due is not None)]))
            self._news += 1

    def _next(self) -> _Turn | None:
        """Take the one whose turn it is from those that wait, and let time jump where that is to be."""
        with self._lock:
            ready = [turn for turn in self._waiting if turn.over()]
            if ready:
                turn = min(ready, key=self._longest_waiting)
            elif (due := self._next_due()) is not None:
                self.clock.jump(due)
                late = [turn for turn in self._waiting if turn.due is not None and turn.due <= due]
                turn = min(late, key=self._longest_waiting)
            else:
                return None
            self._waiting.remove(turn)
            turn.number = next(self._turns)
            turn.news_before = self._news
            return turn

    def _next_due(self) -> float | None:
        """Tell to which moment time may jump; None where there is none."""
        due = min((turn.due for turn in self._waiting if turn.due is not None), default=None)
        return None if due is None or (self.paced and due > self.clock.now()) else due

    def _longest_waiting(self, turn: _Turn) -> tuple[bool, int]:
        return turn is self._own, turn.number

    def _wait_outside(self, over: Callable[[], bool], due: float | None) -> None:
        while not over() and (due is None or self.clock.now() < due):
            time.sleep(_OUTSIDE_S)


class _Turn:
    """A thread, and what it waits for; ``number`` says when it had its last turn."""

    def __init__(self, turns: Turns, target: Callable[[], None], *, name: str) -> None:
        self._turns = turns
        self._target = target
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.go = threading.Event()
        self.number = 0
        self.news_before = 0
        self.over: Callable[[], bool] = _no
        self.due: float | None = None
        self._started = self._ended = False

    def start(self) -> None:
        """Take part from now on."""
        self._started = True
        self._turns.started(self)
        self._thread.start()

    def join(self) -> None:
        """Let others run until it has ended."""
        self._turns.wait(lambda: self._ended, timeout=None)

    def is_alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._started and not self._ended

    def go_on(self, *, look_up_s: float | None = None) -> None:
        """Wait, in the thread itself, until it is its turn; every ``look_up_s`` Python can handle signals."""
        while not self.go.wait(look_up_s):
            pass
        self.go.clear()

    def _run(self) -> None:
        self._turns.begun(self)
        try:
            self._target()
        except Exception:  # noqa: BLE001 - as Python tells of a thread that fails; the others go on
            _log.exception("thread %s failed", self._thread.name)
        finally:
            self._ended = True
            self._turns.ended()


def _yes() -> bool:
    return True


def _no() -> bool:
    return False


def _nothing() -> None:
    """Be the thread that is there already."""
