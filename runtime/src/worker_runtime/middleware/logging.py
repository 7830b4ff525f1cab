"""Logs as one JSON object a line, under Powertools' field names, personal data redacted.

Record fields are read from the record at hand, so that threads never mix.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TextIO

from worker_runtime import clock
from worker_runtime.errors import SettingsError
from worker_runtime.invocation import (
    Invocation,
    current_record,
    current_source,
    current_trace,
    xray_trace_id,
)
from worker_runtime.middleware.correlation import correlation_id
from worker_runtime.redaction import redact, redact_text

if TYPE_CHECKING:
    from collections.abc import Mapping

_STANDARD: Final = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"))


class JsonFormatter(logging.Formatter):
    """Formats a log record; ``fields`` stand in every line, ``extra=`` values beside them."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__()
        self._fields = fields

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its line break."""
        line: dict[str, Any] = {
            "level": record.levelname,
            "location": f"{record.funcName}:{record.lineno}",
            "message": redact_text(record.getMessage()),
            "timestamp": datetime.fromtimestamp(clock.now(), tz=UTC).isoformat(timespec="milliseconds"),
            **self._fields,
            **self._at_hand(),
            **{
                name: redact(value, key=name) for name, value in vars(record).items() if name not in _STANDARD
            },
        }
        if record.exc_info and record.exc_info[0]:
            line["exception_name"] = record.exc_info[0].__name__
            line["exception"] = redact_text("".join(traceback.format_exception(*record.exc_info)))
        return json.dumps(line, default=str)

    def _at_hand(self) -> dict[str, Any]:
        given: dict[str, Any] = {
            "function_request_id": Invocation().request_id,
            "correlation_id": redact_text(correlation_id() or ""),  # a record's id, where nobody said one
            "source": current_source(),
        }
        record = current_record()
        if record is not None:
            given["record_id"] = redact_text(str(record.id))
            given["attempt"] = record.attempt
        trace = current_trace()
        if trace is not None:
            given["trace_id"], given["span_id"] = trace.trace_id, trace.span_id
        if given["function_request_id"]:
            given["xray_trace_id"] = xray_trace_id()
        return {name: value for name, value in given.items() if value not in (None, "")}


class _Lines(logging.StreamHandler[TextIO]):
    """Writes lines; one that cannot be made says so, and nothing of what it was to say."""

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(record)
        except Exception as error:  # noqa: BLE001 - a value's __str__ may raise anything; logging would print it
            location = f"{record.funcName}:{record.lineno}"
            message = f"a log line could not be made: {type(error).__name__}"
            return json.dumps({"level": "ERROR", "location": location, "message": message})


def configure_logging(*, level: str, fields: Mapping[str, str], stream: TextIO | None = None) -> None:
    """Send all logs of the process, as JSON lines, to ``stream`` (stdout, where Lambda reads)."""
    handler = _Lines(stream or sys.stdout)
    handler.setFormatter(JsonFormatter(fields))
    root = logging.getLogger()
    root.handlers[:] = [handler]  # Lambda's own handler would print each line a second time
    try:
        root.setLevel(level.upper())
    except ValueError as error:
        raise SettingsError(
            f"LOG_LEVEL is {level!r}; say DEBUG, INFO, WARNING, ERROR or CRITICAL."
        ) from error
    for chatty in ("httpx", "httpcore", "botocore", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
