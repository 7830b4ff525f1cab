"""Values that say their type: DynamoDB's, and the attributes of messages; hidden, they keep it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

from worker_runtime.redaction import REDACTED, redact, redact_text

_PERSONAL: Final = "secret"  # a name under which all is hidden
_BASE64: Final = b64encode(REDACTED.encode()).decode()


def hidden(value: Any) -> Any:
    """Hide whatever stands under a personal name, so that its source's form still holds; idempotent."""
    match value:
        case Mapping() if len(value) == 1:
            return _dynamodb(value)
        case {"dataType": str(kind)}:
            return {**_each(value), **_sqs(value, kind), "dataType": redact_text(kind)}
        case {"Type": str(kind), "Value": str(text)}:
            return {**_each(value), "Type": redact_text(kind), "Value": _in_form(text, kind)}
        case Mapping():
            return _each(value)
        case list() | tuple():
            return [hidden(each) for each in value]
    return redact(value, key=_PERSONAL)


def _each(value: Mapping[str, Any]) -> dict[str, Any]:
    return {redact_text(str(name)): hidden(each) for name, each in value.items()}


def _dynamodb(value: Mapping[str, Any]) -> dict[str, Any]:
    match value:
        case {"N": str()}:
            return {"N": "0"}
        case {"NS": list()}:
            return {"NS": ["0"]}
        case {"B": str()}:
            return {"B": _BASE64}
        case {"BS": list()}:
            return {"BS": [_BASE64]}
    return _each(value)


def _sqs(value: Mapping[str, Any], kind: str) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if text := value.get("stringValue"):
        shown["stringValue"] = _in_form(text, kind)
    if value.get("binaryValue"):
        shown["binaryValue"] = _BASE64
    if several := value.get("binaryListValues"):
        shown["binaryListValues"] = [_BASE64 for _ in several]
    return shown


def _in_form(text: str, kind: str) -> Any:
    """Hide an attribute's text: a number stays one, a list one of JSON."""
    form = kind.partition(".")
    match form[0]:
        case "Number":
            return "0"
        case "Binary":
            return _BASE64
        case "String" if form[2] == "Array":
            return f'["{REDACTED}"]'
    return redact(text, key=_PERSONAL)
