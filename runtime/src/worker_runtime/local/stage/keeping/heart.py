"""Does something again and again while the stage is up, in the machine's time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from worker_runtime.local.stage.parts.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self


class Heart(Part):
    """Calls ``beat`` at the start, then every so often, and once more in the end."""

    def __init__(self, beat: Callable[[], None], *, every_s: float) -> None:
        self._beat = beat
        self._every_s = every_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="heart", daemon=True)

    def start(self) -> Self:
        """Beat for the first time and go on."""
        self._beat()
        self._thread.start()
        return self

    def stop(self) -> None:
        """Beat for the last time."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
            self._beat()

    def _go_on(self) -> None:
        while not self._stopped.wait(self._every_s):
            self._beat()
