"""An event without its personal data, still in the form in which its worker takes it.

What redaction cannot see is opened before: JSON inside of text, queries and forms, base64 of Kinesis, Kafka,
Firehose, DynamoDB, attributes and HTTP bodies. Bytes that are no text cannot be judged, so they are left out.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import quote_plus, unquote_plus

from worker_runtime.local.recording.echoes import without_echoes
from worker_runtime.local.recording.pairs import mask_pairs
from worker_runtime.local.recording.typed_values import hidden
from worker_runtime.redaction import REDACTED, personal, redact_text

_DEEPEST: Final = 8
"""Text inside of text: more than a message in a notification in a message has no sense."""

_BLANK: Final = re.compile(r"[ \t\r\n\ufeff]+")
_decode: Final = json.JSONDecoder().raw_decode


def masked(value: Any, *, key: str = "", depth: int = _DEEPEST) -> Any:
    """Copy plain data without its personal data and secrets; idempotent."""
    if personal(key):
        return hidden(value)
    match value:
        case str():
            return _text(value, depth)
        case Mapping():
            encoded = _encoded(value)
            shown = {
                redact_text(str(name)): encoded[name](each, depth)
                if name in encoded
                else masked(each, key=str(name), depth=depth)
                for name, each in value.items()
            }
            return without_echoes(value, shown)
        case list() | tuple():
            return [masked(each, depth=depth) for each in value]
    return value


def masked_text(text: str) -> str:
    """Mask a text of any form."""
    return _text(text, _DEEPEST)


def _encoded(  # noqa: PLR0911 - a case a source
    value: Mapping[str, Any],
) -> Mapping[str, Callable[[Any, int], Any]]:
    """Name the fields of a part of an event that have to be opened, and what does it."""
    match value:
        case {"partitionKey": _, "data": str()} | {"recordId": _, "data": str()}:
            return {"data": _base64}
        case {"topic": _, "partition": _, "offset": _}:
            return {"key": _base64, "value": _base64, "headers": _headers}
        case {"isBase64Encoded": True, "body": str()}:
            return {"body": _base64}
        case {"B": str()} | {"BS": list()} if len(value) == 1:
            return {"B": _base64, "BS": _several}
        case {"dataType": str()}:
            return {"binaryValue": _base64, "binaryListValues": _several}
        case {"Type": "Binary", "Value": str()}:
            return {"Value": _base64}
        case {"key": str(), "sequencer": _}:
            return {"key": _quoted}
    return {}


def _text(text: str, depth: int) -> str:
    """Mask a text, of JSON by its keys; it stays as it is where nothing is personal."""
    begin = _after_blank(text, 0)
    try:
        match text[begin : begin + 1]:
            case "{" | "[":
                return text[:begin] + _values(text, begin, depth)
            case '"':
                return text[:begin] + _opened(json.loads(text[begin:]), text[begin:], depth)
    except ValueError:
        pass
    except RecursionError:
        return REDACTED
    return _prose(text, depth)


def _values(text: str, at: int, depth: int) -> str:
    """Mask JSON, also value after value, as lines or without anything between; what follows is prose."""
    pieces: list[str] = []
    while text[at : at + 1] in ("{", "["):
        try:
            value, end = _decode(text, at)
        except ValueError:
            break
        after = _after_blank(text, end)
        pieces += (_opened(value, text[at:end], depth), text[end:after])
        at = after
    return "".join((*pieces, _prose(text[at:], depth)))


def _after_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return at if found is None else found.end()


def _opened(value: Any, text: str, depth: int) -> str:
    """Mask what a JSON text says; what is too deep inside of others is left out."""
    if not depth:
        return REDACTED
    shown = masked(value, depth=depth - 1)
    return text if shown == value else json.dumps(shown, separators=(",", ":"))


def _prose(text: str, depth: int) -> str:
    inside = partial(_text, depth=depth - 1) if depth else redact_text
    return redact_text(mask_pairs(text, inside))


def _quoted(value: Any, depth: int) -> Any:
    """Mask the key of an object, which S3 quotes."""
    opened = unquote_plus(value)
    shown = _text(opened, depth)
    return value if shown == opened else quote_plus(shown, safe="/[]*@")


def _several(value: Any, depth: int) -> Any:
    return [_base64(each, depth) for each in value] if isinstance(value, list) else value


def _base64(value: Any, depth: int) -> Any:
    """Mask what is base64."""
    if not isinstance(value, str):
        return value
    try:
        data = b64decode(value, validate=True)
    except ValueError:
        return masked(value, depth=depth)
    shown = _bytes(data, depth)
    return value if shown == data else b64encode(shown).decode()


def _headers(value: Any, depth: int) -> Any:
    """Mask Kafka's headers, each a list of numbers with a sign."""
    if not isinstance(value, list):
        return masked(value, depth=depth)
    return [
        {name: _numbers(each, depth, key=name) for name, each in header.items()}
        if isinstance(header, dict)
        else REDACTED
        for header in value
    ]


def _numbers(value: Any, depth: int, *, key: str) -> Any:
    try:
        data = bytes(each % 256 for each in value)
    except TypeError:
        return masked(value, key=key, depth=depth)
    shown = REDACTED.encode() if personal(key) else _bytes(data, depth)
    return value if shown == data else list(memoryview(shown).cast("b"))


def _bytes(data: bytes, depth: int) -> bytes:
    try:
        return _text(data.decode(), depth).encode()
    except ValueError:
        return REDACTED.encode()
