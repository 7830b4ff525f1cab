"""Who answers behind an API: a worker, asked once and waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from worker_runtime.local.stage.execution.invocations import Report


class Callee(Protocol):
    """One worker; for many threads."""

    def ask(self, event: bytes, *, request_id: str) -> Report | None:
        """Run it on an event (JSON) and wait for its end; None while the stage is taken down."""
