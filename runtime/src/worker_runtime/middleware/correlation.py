"""What ties work to its cause; carried into logs, messages and calls to other services."""

from __future__ import annotations

from typing import Final

from worker_runtime.invocation import Invocation, current_record, current_trace

TRACEPARENT: Final = "traceparent"
"""The header, or message attribute, of W3C Trace Context."""


def correlation_id() -> str | None:
    """Return the correlation id of the record at hand, else the invocation's id, else None."""
    record = current_record()
    if record is not None:
        return record.correlation_id
    return Invocation().request_id or None


def trace_headers() -> dict[str, str]:
    """Return what makes a call, or a message, part of the trace at hand; nothing where there is none."""
    trace = current_trace()
    return {} if trace is None else {TRACEPARENT: trace.traceparent}
