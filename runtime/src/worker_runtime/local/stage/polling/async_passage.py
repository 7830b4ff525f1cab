"""One asynchronous event on its way to a function, as it is remembered from try to try."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from worker_runtime.local.stage.execution.answers import (
    Failure,
)


class Passage(Struct, kw_only=True):
    """An event's request id, which every try has, when it is tried next, and what became of it so far."""

    event: Any
    request_id: str
    queued_at: float  # epoch seconds of the stage's clock, as is due_at
    due_at: float
    errors: int = 0
    throttles: int = 0
    last: Failure | None = None
    over: bool = False
