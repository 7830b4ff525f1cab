"""A dead letter as people may read it: base64 and what is compressed opened, all masked as recordings are."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from typing import Any, Final
from zlib import error as Damaged  # noqa: N812 - zlib's name for it says nothing

from worker_runtime.local.recording.masking import masked, masked_text
from worker_runtime.redaction import REDACTED

_CARRYING: Final = ("record", "recordGzip")
"""Fields of our envelope that hold a record; a compressed one is opened in its place."""


def readable(text: str) -> Any:
    """Return a body without personal data: as plain data where it is JSON, else as text."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return masked_text(text)
    if not isinstance(body, dict):
        return readable_record(body)
    if isinstance(packed := body.get("recordGzip"), str):
        body["recordGzip"] = _unpacked(packed)
    shown = readable_record(body)
    for name in _CARRYING:
        if name in body and isinstance(shown, dict):
            shown[name] = _open(shown[name])
    return shown


def readable_record(record: Any) -> Any:
    """Return a record as its worker had it without personal data; what is nested too deeply is left out."""
    try:
        return _open(masked(record))
    except RecursionError:
        return REDACTED


def _open(record: Any) -> Any:
    """Open what Kinesis or Kafka carried in a record, which is masked by now."""
    match record:
        case {"kinesis": {"data": data} as carried}:
            return {**record, "kinesis": {**carried, "data": _opened(data)}}
        case {"topic": _, "partition": _, "offset": _}:
            return {
                name: _opened(each) if name in ("key", "value") else each for name, each in record.items()
            }
    return record


def _opened(data: Any) -> Any:
    """Read base64 as JSON, else as text; what is neither stays as it is."""
    try:
        text = b64decode(data, validate=True).decode()
    except (TypeError, ValueError):
        return data
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _unpacked(packed: str) -> Any:
    """Read a record that was too large to be sent as it was; one that is damaged is left out."""
    try:
        return json.loads(gzip.decompress(b64decode(packed)))
    except (EOFError, OSError, ValueError, RecursionError, Damaged):
        return REDACTED
