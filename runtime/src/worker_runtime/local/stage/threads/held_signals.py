"""Ctrl-C and its kin while threads take turns: held until the stage's own thread has its turn.

Raised while a turn is passed on, they would lose it: nobody would go on.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import FrameType

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class HeldSignals:
    """Holds the first signal that somebody handles, and hands it on behind the block."""

    def __init__(self) -> None:
        self._held: int | None = None
        is_main = threading.current_thread() is threading.main_thread()
        handlers = {int(number): signal.getsignal(number) for number in _SIGNALS if is_main}
        self._former = {number: handler for number, handler in handlers.items() if callable(handler)}

    @property
    def came(self) -> bool:
        """Whether one came."""
        return self._held is not None

    def __enter__(self) -> Self:
        """Begin to hold."""
        for number in self._former:
            signal.signal(number, self._hold)
        return self

    def __exit__(self, *_: object) -> None:
        """End it; what came is raised now, as its handler raises it."""
        for number, handler in self._former.items():
            signal.signal(number, handler)
        if self._held is not None:
            self._former[self._held](self._held, None)

    def _hold(self, number: int, _frame: FrameType | None) -> None:
        self._held = self._held or number
