"""What names a record or leads to it, where it repeats what its data has under a personal name."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from worker_runtime.redaction import REDACTED, personal, redact_id

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_A_GROUP: Final = ("MessageGroupId", "MessageDeduplicationId")


def without_echoes(value: Mapping[str, Any], shown: dict[str, Any]) -> dict[str, Any]:
    """Hide in ``shown``, which is ``value`` masked field by field, what fields tell of each other."""
    match value:
        case {"data": str(data), "partitionKey": str()}:
            return _renamed(value, shown, ("partitionKey",), data=(_opened(data), _opened(shown["data"])))
        case {"data": str(data), "kinesisRecordMetadata": {"partitionKey": str()} as told}:
            texts = (_opened(data), _opened(shown["data"]))
            within = _renamed(told, shown["kinesisRecordMetadata"], ("partitionKey",), data=texts)
            return {**shown, "kinesisRecordMetadata": within}
        case {"body": str(body), "attributes": dict(told)}:
            within = _renamed(told, shown["attributes"], _OF_A_GROUP, data=(body, shown["body"]))
            return {**shown, "attributes": within}
        case {"topic": _, "partition": _, "offset": _, "key": str(key), "value": data}:
            return {**shown, "key": _kafka_key(key, shown["key"], data, shown["value"])}
        case {"pathParameters": dict(given)}:
            return _without(frozenset(_personal_texts(given)), shown)
    return shown


def _renamed(
    value: Mapping[str, Any], shown: dict[str, Any], names: tuple[str, ...], *, data: tuple[str, str]
) -> dict[str, Any]:
    said = {name: value[name] for name in names if isinstance(value.get(name), str)}
    return {**shown, **{name: _chosen(each, shown[name], *data) for name, each in said.items()}}


def _chosen(said: str, shown: str, before: str, after: str) -> str:
    """Mask an id by its look, and where it was hidden from the data as a whole value."""
    if shown != said:
        return shown
    worded = {f'"{said}"', json.dumps(said)}
    if before != after and any(each in before and each not in after for each in worded):
        return REDACTED
    return redact_id(said)


def _kafka_key(key: str, shown: str, data: Any, shown_data: Any) -> str:
    said, now = _opened(key), _opened(shown)
    name = said.strip('"')
    chosen = _chosen(name, now.strip('"'), _opened(data), _opened(shown_data))
    return shown if chosen == name or now != said else b64encode(said.replace(name, chosen).encode()).decode()


def _opened(data: Any) -> str:
    try:
        return b64decode(data, validate=True).decode()
    except (ValueError, TypeError):
        return data if isinstance(data, str) else ""


def _personal_texts(given: Mapping[str, Any]) -> set[str]:
    return {text for name, text in given.items() if personal(name) and isinstance(text, str) and text}


def _without(texts: frozenset[str], shown: dict[str, Any], *, depth: int = 2) -> dict[str, Any]:
    """Hide segments of a request's paths, which stand beside its parameters and in its context."""
    if not texts:
        return shown
    return {name: _within(name, each, texts, depth) for name, each in shown.items()}


def _within(name: str, value: Any, texts: frozenset[str], depth: int) -> Any:
    if isinstance(value, str) and name in ("path", "rawPath"):
        return "/".join(REDACTED if unquote(part) in texts else part for part in value.split("/"))
    if depth and isinstance(value, dict) and name in ("requestContext", "http"):
        return _without(texts, value, depth=depth - 1)
    return value
