"""How single phone numbers fare at the SMS service's stand-in, as a test or a scenario scripts it."""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import Final

from worker_runtime.local.stage.parts.http_server import Response
from workers_dmnd.local.receipts import DELIVERED, Plan

REFUSALS: Final = {"INVALID_NUMBER": 422, "OPTED_OUT": 403}


class Numbers:
    """What each number is scripted to meet; for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plans: dict[str, tuple[Plan, ...]] = {}
        self._always: dict[str, Response] = {}
        self._next: dict[str, deque[Response]] = {}
        self._unheard: Counter[str | None] = Counter()

    def plan(self, to: str, *plans: Plan) -> None:
        """Let the n-th message to a number have the n-th plan's receipts, later ones the last one's."""
        with self._lock:
            self._plans[to] = plans

    def refuse(self, to: str, *, code: str = "INVALID_NUMBER") -> None:
        """Refuse a number for ever: ``INVALID_NUMBER`` or ``OPTED_OUT``."""
        with self._lock:
            self._always[to] = Response.json({"code": code}, status=REFUSALS[code])

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

    def lose_answers(self, to: str | None = None, *, times: int = 1) -> None:
        """Have the next ``times`` messages (to a number, or to anybody) taken, and their answers lost."""
        with self._lock:
            self._unheard[to] += times

    def trouble(self, to: str) -> Response | None:
        """Take what a number's request meets in place of being taken."""
        with self._lock:
            scripted = self._next.get(to)
            return scripted.popleft() if scripted else self._always.get(to)

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
                    return True
        return False
