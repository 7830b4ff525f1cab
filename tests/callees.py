"""Whom tests admit at a stage's door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime.local.stage.execution.invocations import Report

if TYPE_CHECKING:
    from worker_runtime.local.stage.execution.answers import Answer


class FakeCallee:
    """Answers as it is told, and remembers what came; None answers nothing, as a stage that goes down."""

    def __init__(self, answer: Answer | None = None, *, logs: str = "") -> None:
        self._answer = answer
        self._logs = logs
        self.asked: list[bytes] = []
        self.queued: list[Any] = []

    def ask(self, event: bytes, *, request_id: str) -> Report | None:
        self.asked.append(event)
        if self._answer is None:
            return None
        return Report(request_id=request_id, answer=self._answer, logs=self._logs)

    def queue(self, event: Any) -> None:
        self.queued.append(event)
