"""Which invocation an accident befell, where that shows only later: ``Delivery`` remembers it here.

What befalls a batch before it is handed over is of the invocation that then has it; of several that may
have been killed, it was the one that ends as crashed.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker_runtime.local.stage.lineage.happenings import AccidentKind


class Victims:
    """Of one worker; for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._marked: dict[str, list[AccidentKind]] = {}  # by the id of a record, or of an asynchronous event
        self._suspects: list[set[str]] = []  # request ids, one set a kill

    def mark(self, ids: Iterable[str], *, kind: AccidentKind) -> None:
        """Remember what befell records, or an event, that no invocation has yet."""
        with self._lock:
            for each in ids:
                self._marked.setdefault(each, []).append(kind)

    def take(self, ids: Iterable[str]) -> list[AccidentKind]:
        """Return what befell records, each kind once, now that an invocation has them."""
        with self._lock:
            return list(dict.fromkeys(kind for each in ids for kind in self._marked.pop(each, ())))

    def suspect(self, request_ids: Iterable[str]) -> set[str]:
        """Remember invocations of which one is about to be killed."""
        suspects = set(request_ids)
        with self._lock:
            self._suspects.append(suspects)
        return suspects

    def acquit(self, suspects: set[str]) -> None:
        """Forget a kill that killed nothing."""
        with self._lock:
            self._suspects = [each for each in self._suspects if each is not suspects]

    def ended(self, request_id: str, *, crashed: bool) -> bool:
        """Say whether an invocation that ends is one that was killed."""
        with self._lock:
            hit = next((each for each in self._suspects if crashed and request_id in each), None)
            for each in self._suspects:
                each.discard(request_id)
            self._suspects = [each for each in self._suspects if each and each is not hit]
        return hit is not None
