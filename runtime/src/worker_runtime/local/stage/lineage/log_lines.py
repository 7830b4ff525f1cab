"""What a line that a worker printed says: its level, its message, the record it names and that one's fate."""

from __future__ import annotations

import json
from typing import Any, Final

from msgspec import Struct

_OUTCOMES: Final = {
    "skipped": "skip",
    "deferred": "defer",
    "rejected": "reject",
    "refused": "reject",
    "refused by a service": "reject",
    "failed": "retry",
    "halted": "retry",
    "not started": "unstarted",
}
"""The runtime's messages on records that are not simply done; see ``runtime._report_one``."""

_METRICS: Final = '{"_aws"'


_IN_EACH: Final = frozenset(
    (
        *("level", "location", "message", "timestamp", "service", "worker", "plugin_version"),
        *("runtime_version", "env", "region", "function_request_id", "correlation_id", "source"),
        *("record_id", "attempt", "xray_trace_id", "trace_id", "span_id"),
    )
)


class Line(Struct, frozen=True):
    """A line; ``outcome`` and ``reason`` where it tells what became of the record."""

    message: str
    level: str | None = None
    record: str | None = None
    outcome: str | None = None
    reason: str | None = None
    whole: str | None = None
    sums_up: bool = False  # the runtime's last line on a batch: each record has its outcome


def read_line(line: str) -> Line | None:
    """Read a printed line; None of metrics, which ``counting`` reads, and of empty ones."""
    if not line.strip() or line.startswith(_METRICS):
        return None
    said = _fields(line)
    message = said.get("message")
    if not isinstance(message, str):
        return Line(line)
    record = _text(said.get("record_id"))
    outcome = _OUTCOMES.get(message) if "outcome" in said and record is not None else None
    return Line(
        message=message,
        level=_text(said.get("level")),
        record=record,
        outcome=outcome,
        reason=_text(said.get("reason")),
        whole=line,
        sums_up="outcomes" in said,
    )


def _fields(line: str) -> dict[str, Any]:
    if not line.startswith("{"):
        return {}
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def said_more(whole: str | None) -> str:
    """Word what a line says beside what each one says: ``name=value``, an exception on lines of its own."""
    said = _fields(whole or "")
    trace = f"\n{said['exception']}" if isinstance(said.get("exception"), str) else ""
    more = {name: value for name, value in said.items() if name not in (*_IN_EACH, "exception")}
    return "".join(f"  {name}={value}" for name, value in more.items()) + trace.rstrip()
