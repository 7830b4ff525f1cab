"""What authorizers said of tokens, for as long as it holds on the stage's clock; for many threads."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worker_runtime.clock import Clock


class KeptAnswers:
    """One authorizer's answers, by token."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: dict[str, tuple[float, Any]] = {}

    def get(self, token: str) -> Any:
        """Return the answer that still holds; None where there is none."""
        with self._lock:
            until, answer = self._answers.get(token, (0.0, None))
        return answer if self._clock.now() < until else None

    def put(self, token: str, answer: Any, *, for_s: float) -> None:
        """Keep an answer."""
        with self._lock:
            self._answers[token] = (self._clock.now() + for_s, answer)
