"""What ties work to its cause; carried into logs, messages and calls to other services."""

from __future__ import annotations

from worker_runtime.invocation import Invocation, current_record


def correlation_id() -> str | None:
    """Return the correlation id of the record at hand, else the invocation's id, else None."""
    record = current_record()
    if record is not None:
        return record.correlation_id
    return Invocation().request_id or None
