"""How single phone numbers fare at the SMS service's stand-in, as a test or a scenario scripts it.

The script, and how far it is used up, is remembered.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from worker_runtime.local.stage.keeping.memory import Forgetful
from worker_runtime.local.stage.parts.http_server import Response
from workers_dmnd.local.receipts import DELIVERED, Plan

if TYPE_CHECKING:
    from worker_runtime.local.stage.keeping.memory import Memory

REFUSALS: Final = {"INVALID_NUMBER": 422, "OPTED_OUT": 403}


class _Script(Struct, frozen=True):
    """What is left of one number's script; the number None is anybody's."""

    to: str | None
    plans: tuple[Plan, ...]
    always: Response | None
    next: tuple[Response, ...]
    unheard: int


class Numbers:
    """What each number is scripted to meet; for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plans: dict[str, tuple[Plan, ...]] = {}
        self._always: dict[str, Response] = {}
        self._next: dict[str, deque[Response]] = {}
        self._unheard: Counter[str | None] = Counter()
        self._memory: Memory = Forgetful()

    def recall(self, memory: Memory) -> None:
        """Go on with the scripts that ``memory`` has, and keep them there from now on."""
        self._memory = memory
        for _, value in memory.read("number"):
            kept = msgspec.json.decode(value, type=_Script)
            self._unheard[kept.to] = kept.unheard
            if kept.to is None:
                continue
            self._plans[kept.to] = kept.plans
            self._next[kept.to] = deque(kept.next)
            if kept.always is not None:
                self._always[kept.to] = kept.always

    def plan(self, to: str, *plans: Plan) -> None:
        """Let the n-th message to a number have the n-th plan's receipts, later ones the last one's."""
        with self._lock:
            self._plans[to] = plans
            self._remember(to)

    def refuse(self, to: str, *, code: str = "INVALID_NUMBER") -> None:
        """Refuse a number for ever: ``INVALID_NUMBER`` or ``OPTED_OUT``."""
        with self._lock:
            self._always[to] = Response.json({"code": code}, status=REFUSALS[code])
            self._remember(to)

    def fail(
        self, to: str, *, times: int | None = None, status: int = 503, retry_after_s: int | None = None
    ) -> None:
        """Fail a number's next ``times`` requests, or all (None)."""
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        failure = Response.json({"message": "not now"}, status=status, headers=headers)
        with self._lock:
            if times is None:
                self._always[to] = failure
            else:
                self._next.setdefault(to, deque()).extend([failure] * times)
            self._remember(to)

    def lose_answers(self, to: str | None = None, *, times: int = 1) -> None:
        """Have the next ``times`` messages (to a number, or to anybody) taken, and their answers lost."""
        with self._lock:
            self._unheard[to] += times
            self._remember(to)

    def trouble(self, to: str) -> Response | None:
        """Take what a number's request meets in place of being taken."""
        with self._lock:
            scripted = self._next.get(to)
            if not scripted:
                return self._always.get(to)
            trouble = scripted.popleft()
            self._remember(to)
            return trouble

    def plan_of(self, to: str, *, nth: int) -> Plan:
        """Return the plan of a number's message, the first being 0."""
        with self._lock:
            plans = self._plans.get(to) or (DELIVERED,)
        return plans[min(nth, len(plans) - 1)]

    def loses_answer(self, to: str) -> bool:
        """Say whether the answer to a message that was taken gets lost; asked once each."""
        with self._lock:
            for whose in (to, None):
                if self._unheard[whose] > 0:
                    self._unheard[whose] -= 1
                    self._remember(whose)
                    return True
        return False

    def _remember(self, to: str | None) -> None:
        script = _Script(
            to,
            () if to is None else self._plans.get(to, ()),
            None if to is None else self._always.get(to),
            () if to is None else tuple(self._next.get(to, ())),
            self._unheard[to],
        )
        self._memory.put("number", to or "", msgspec.json.encode(script))
