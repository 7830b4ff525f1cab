"""What goes wrong between Lambda and its workers on purpose: twice, late, mixed up, refused, unanswered.

All of it is what AWS allows itself. A seed decides, and how many batches or invocations of the worker
came before; no clock does. The pollers ask through ``polling.mishap``.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final, TypeVar

from worker_runtime.local.stage.polling.mishap import MALFORMED, Mishap

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from worker_runtime.local.stage.polling.mishap import Kind

    R = TypeVar("R")

_DUPLICATE_SHARE: Final = 0.2
_OVERTAKEN_SHARE: Final = 0.3
_OVERTAKEN_S: Final = (1.0, 20.0)
_LATE_S: Final = (0.5, 5.0)  # shorter than any queue hides its messages
_THROTTLED: Final = (1, 3)  # invocations in a row
_SOON: Final = (1, 8)  # invocations before the first mishap of a kind
_LATER: Final = (10, 40)  # between two of a kind

KINDS: Final[Mapping[str, tuple[Kind, ...]]] = {
    "throttle": ("throttle",),
    "crash": ("early crash", "late crash"),
    "lost-reply": ("lost reply",),
    "malformed-reply": ("malformed reply",),
}
"""What befalls invocations under each fault."""


class SeededMischief:
    """``Mischief`` of the faults asked for; for many threads."""

    def __init__(self, faults: Collection[str], *, seed: int) -> None:
        self._faults = frozenset(faults)
        self._kinds = [kind for fault, kinds in KINDS.items() if fault in self._faults for kind in kinds]
        self._seed = seed
        self._lock = threading.Lock()
        self._counted: Counter[tuple[str, str]] = Counter()  # by what, of which worker
        self._due: dict[tuple[str, str], int] = {}
        self._refused: Counter[str] = Counter()  # invocations still to be throttled

    def repeats(self, worker_id: str) -> bool:
        """Deliver one batch in five twice."""
        return self._happens("duplicate", worker_id, share=_DUPLICATE_SHARE)

    def befalls(self, worker_id: str, *, bearable: bool, listed: bool) -> Mishap | None:
        """Let each kind befall a worker soon, and again later; what cannot be borne waits for another."""
        with self._lock:
            self._counted["invocation", worker_id] += 1
            if self._refused[worker_id]:
                self._refused[worker_id] -= 1
                return Mishap("throttle")
            for kind in self._kinds:
                may = kind == "throttle" or (bearable and (listed or kind != "malformed reply"))
                if may and self._is_due(kind, worker_id):
                    return self._made(kind, worker_id)
        return None

    def late_by_s(self, worker_id: str) -> float:
        """Hold a batch up now and then."""
        if "delay" not in self._faults:
            return 0.0
        with self._lock:
            self._counted["batch", worker_id] += 1
            if not self._is_due("batch", worker_id):
                return 0.0
            return self._put_off("batch", worker_id).uniform(*_LATE_S)

    def overtaken_for_s(self, worker_id: str) -> float:
        """Hold three events in ten up."""
        if not self._happens("reorder", worker_id, share=_OVERTAKEN_SHARE):
            return 0.0
        return self._chance("overtaken", worker_id, self._counted["reorder", worker_id]).uniform(
            *_OVERTAKEN_S
        )

    def mixed(self, worker_id: str, records: Sequence[R]) -> list[R]:
        """Shuffle records."""
        mixed = list(records)
        if "reorder" in self._faults:
            with self._lock:
                self._counted["mixed", worker_id] += 1
                nth = self._counted["mixed", worker_id]
            self._chance("mixed", worker_id, nth).shuffle(mixed)
        return mixed

    def _happens(self, fault: str, worker_id: str, *, share: float) -> bool:
        if fault not in self._faults:
            return False
        with self._lock:
            self._counted[fault, worker_id] += 1
            nth = self._counted[fault, worker_id]
        return self._chance(fault, worker_id, nth).random() < share

    def _made(self, kind: Kind, worker_id: str) -> Mishap:
        chance = self._put_off(kind, worker_id)
        if kind == "throttle":
            self._refused[worker_id] = chance.randint(*_THROTTLED) - 1
        return Mishap(kind, chance.choice(MALFORMED) if kind == "malformed reply" else b"")

    def _is_due(self, kind: str, worker_id: str) -> bool:
        first = self._chance(kind, worker_id, 0).randint(*_SOON)
        return self._count(kind, worker_id) >= self._due.setdefault((kind, worker_id), first)

    def _put_off(self, kind: str, worker_id: str) -> random.Random:
        """Let it not happen for a while, and return the chance by which it happens now."""
        nth = self._count(kind, worker_id)
        chance = self._chance(kind, worker_id, nth)
        self._due[kind, worker_id] = nth + chance.randint(*_LATER)
        return chance

    def _count(self, kind: str, worker_id: str) -> int:
        return self._counted["batch" if kind == "batch" else "invocation", worker_id]

    def _chance(self, what: str, worker_id: str, nth: int) -> random.Random:
        return random.Random(f"{self._seed} {what} {worker_id} {nth}")
