"""How far a shard is worked off: the checkpoint stands before the lowest change that is not done."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class StreamProgress:
    """The changes of one shard that were read and not done; lanes finish them in any order."""

    def __init__(self, *, keep: Callable[[str], None]) -> None:
        """Call ``keep`` with each new checkpoint."""
        self._keep = keep
        self._lock = threading.Lock()
        self._in_order: deque[str] = deque()
        self._done: set[str] = set()

    def read(self, sequences: Iterable[str]) -> None:
        """Note changes in the order of the shard."""
        with self._lock:
            self._in_order.extend(sequences)

    def finish(self, sequences: Iterable[str]) -> None:
        """Note that changes are done, filtered out or given up; move the checkpoint where that lets it."""
        with self._lock:
            self._done.update(sequences)
            checkpoint = None
            while self._in_order and self._in_order[0] in self._done:
                checkpoint = self._in_order.popleft()
                self._done.discard(checkpoint)
            if checkpoint is not None:
                self._keep(checkpoint)

    @property
    def outstanding(self) -> int:
        """How many changes were read and are not done."""
        with self._lock:
            return len(self._in_order)
