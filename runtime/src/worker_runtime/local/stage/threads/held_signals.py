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
        is_main = threading.current_thread() is threading.main_thread()
        handlers = {int(number): signal.getsignal(number) for number in _SIGNALS if is_main}
        self._former = {number: handler for number, handler in handlers.items() if callable(handler)}
        self._holds = False
        self._held: int | None = None

    @property
    def came(self) -> bool:
        """Whether one came."""
        return self._held is not None

    def __enter__(self) -> Self:
        """Begin to hold."""
        for number in self._former:
            signal.signal(number, self._handle)
        self._holds = True
        return self

    def __exit__(self, *_: object) -> None:
        """End it; what came is raised now, as its handler raises it."""
        self._holds = False
        for number, handler in self._former.items():
            signal.signal(number, handler)
        if self._held is not None:
            self._former[self._held](self._held, None)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Hold a signal; outside the block, as while its beginning is interrupted, pass it on."""
        if self._holds:
            self._held = self._held or number
        else:
            self._former[number](number, frame)
