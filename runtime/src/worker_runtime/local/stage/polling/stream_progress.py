"""How far a shard is worked off: the checkpoint stands before the lowest record that is not done."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from worker_runtime.local.stage.polling.feeds import Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class StreamProgress:
    """The records of one shard that were read and not done; lanes finish them in any order."""

    def __init__(self, *, keep: Callable[[Position], None]) -> None:
        """Call ``keep`` with each new checkpoint."""
        self._keep = keep
        self._begun = False
        self._lock = threading.Lock()
        self._in_order: deque[str] = deque()
        self._done: set[str] = set()

    def read(self, sequences: Iterable[str]) -> None:
        """Note records in the order of the shard; the first of all is where an unlucky stage begins again."""
        with self._lock:
            self._in_order.extend(sequences)
            if self._in_order and not self._begun:
                self._begun = True
                self._keep(Position("AT_SEQUENCE_NUMBER", self._in_order[0]))

    def finish(self, sequences: Iterable[str]) -> None:
        """Note that records are done, filtered out or given up; move the checkpoint where that lets it."""
        with self._lock:
            self._done.update(sequences)
            checkpoint = None
            while self._in_order and self._in_order[0] in self._done:
                checkpoint = self._in_order.popleft()
                self._done.discard(checkpoint)
            if checkpoint is not None:
                self._keep(Position("AFTER_SEQUENCE_NUMBER", checkpoint))

    @property
    def outstanding(self) -> int:
        """How many records were read and are not done."""
        with self._lock:
            return len(self._in_order)
