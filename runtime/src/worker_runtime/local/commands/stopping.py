"""SIGTERM and SIGHUP for commands that start processes: the same clean stop as Ctrl-C."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_ONE_REQUEST_S = 1.0  # timeout(1) and shells signal the process and then its group
_BY_SIGNAL = 128  # a shell's exit code of what a signal ended, less the signal


class Stopped(KeyboardInterrupt):
    """The command is asked to end; like Ctrl-C, it passes whatever handles errors."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = _BY_SIGNAL + number


@contextmanager
def stoppable() -> Iterator[None]:
    """Unwind the body on SIGTERM and SIGHUP and exit with 143 and 129; for the main thread.

    A signal that is ignored already (``nohup``) stays ignored.
    """
    former = {number: signal.getsignal(number) for number in _SIGNALS}
    stop = _Stop()
    try:
        for number, handler in former.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, stop)
        yield
    except Stopped as stopped:
        raise typer.Exit(stopped.exit_code) from None
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


class _Stop:
    """Raises Stopped; again where a later request finds the clean stop too slow."""

    def __init__(self) -> None:
        self._ignored_until = 0.0

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if now >= self._ignored_until:
            self._ignored_until = now + _ONE_REQUEST_S
            raise Stopped(number)
