"""An event without its personal data, still in the form in which its worker takes it.

What redaction cannot see is opened before: JSON inside of text, base64 of Kinesis, Kafka, Firehose and
HTTP bodies. Bytes that are no text cannot be judged, so they are left out.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

from worker_runtime.redaction import REDACTED, personal, redact

_DEEPEST: Final = 8
"""Text inside of text: more than a message in a notification in a message has no sense."""


def masked(value: Any, *, key: str = "", depth: int = _DEEPEST) -> Any:
    """Copy plain data without its personal data and secrets; idempotent."""
    if personal(key):
        return redact(value, key=key)
    match value:
        case str():
            return _text(value, depth)
        case Mapping():
            hidden = _encoded(value)
            return {
                redact(str(name)): _base64(each, depth)
                if name in hidden
                else masked(each, key=str(name), depth=depth)
                for name, each in value.items()
            }
        case list() | tuple():
            return [masked(each, depth=depth) for each in value]
    return value


def _encoded(value: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the fields of base64 in a part of an event."""
    match value:
        case {"partitionKey": _, "data": str()} | {"recordId": _, "data": str()}:
            return ("data",)
        case {"topic": _, "partition": _, "offset": _}:
            return ("key", "value", "headers")
        case {"isBase64Encoded": True, "body": str()}:
            return ("body",)
    return ()


def _text(text: str, depth: int) -> str:
    """Mask a text, of JSON by its keys; it stays as it is where nothing is personal."""
    if depth and text[:1] in ("{", "["):
        try:
            opened = json.loads(text)
        except (ValueError, RecursionError):
            return str(redact(text))
        shown = masked(opened, depth=depth - 1)
        return text if shown == opened else json.dumps(shown, separators=(",", ":"))
    return str(redact(text))


def _base64(value: Any, depth: int) -> Any:
    """Mask what is base64: a text, or Kafka's headers, each a list of numbers with a sign."""
    if isinstance(value, list):
        return [
            {name: _numbers(each, depth, key=name) for name, each in header.items()}
            if isinstance(header, dict)
            else REDACTED
            for header in value
        ]
    if not isinstance(value, str):
        return value
    try:
        data = b64decode(value, validate=True)
    except ValueError:
        return masked(value, depth=depth)
    shown = _bytes(data, depth)
    return value if shown == data else b64encode(shown).decode()


def _numbers(value: Any, depth: int, *, key: str) -> Any:
    try:
        data = bytes(each % 256 for each in value)
    except TypeError:
        return value
    shown = REDACTED.encode() if personal(key) else _bytes(data, depth)
    return value if shown == data else list(memoryview(shown).cast("b"))


def _bytes(data: bytes, depth: int) -> bytes:
    try:
        return _text(data.decode(), depth).encode()
    except ValueError:
        return REDACTED.encode()
