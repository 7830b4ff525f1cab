"""A worker's log line for people: when, how bad, what, of which record; metrics are left out."""

from __future__ import annotations

import json
from typing import Any, Final

_SHOWN_APART: Final = frozenset({"level", "message", "timestamp", "location", "record_id", "exception"})
_OF_THE_WORKER: Final = frozenset(
    {"service", "worker", "plugin_version", "runtime_version", "env", "region", "source", "xray_trace_id"}
)
_OF_THE_INVOCATION: Final = frozenset({"function_request_id", "correlation_id", "cold_start"})
_LEFT_OUT: Final = _SHOWN_APART | _OF_THE_WORKER | _OF_THE_INVOCATION
_TIME: Final = slice(11, 23)  # of 2026-11-21T17:28:00.698+00:00


def readable_line(line: str) -> str | None:
    """Word a line for people; None where it is metrics, what is no JSON as it is."""
    try:
        said = json.loads(line)
    except ValueError:
        return line.rstrip()
    if not isinstance(said, dict) or "message" not in said:
        return None if isinstance(said, dict) and "_aws" in said else line.rstrip()
    words = [
        str(said.get("timestamp", ""))[_TIME],
        f"{said.get('level', ''):7}",
        str(said["message"]),
        *(f"{name}={_value(value)}" for name, value in said.items() if name not in _LEFT_OUT),
    ]
    if "record_id" in said:
        words.append(f"record={said['record_id']}")
    text = " ".join(word for word in words if word.strip())
    return f"{text}\n{said['exception']}" if said.get("exception") else text


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
