"""A dead letter's body as people may read it: plain data where it is JSON, without personal data."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from worker_runtime.redaction import redact, redact_text


def readable(text: str) -> Any:
    """Redact a body by its keys where it is JSON, else by what its text looks like.

    What Kinesis carried is opened: nobody could redact base64.
    """
    try:
        body = json.loads(text)
        match body:
            case {"record": {"kinesis": {"data": str(data)} as kinesis}}:
                kinesis["data"] = _opened(data)
        return redact(body)
    except (ValueError, RecursionError):
        return redact_text(text)


def _opened(data: str) -> Any:
    """Read base64 as JSON, else as text; what is neither is only counted."""
    try:
        raw = b64decode(data, validate=True)
    except ValueError:
        return data
    try:
        text = raw.decode()
    except ValueError:
        return f"{len(raw)} bytes"
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
