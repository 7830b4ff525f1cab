"""What a lineage tells of a record, read from its form in the event, whichever source it is of."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote_plus

from msgspec import Struct

from worker_runtime.local.recording.masking import masked
from worker_runtime.redaction import REDACTED, redact, redact_text
from worker_runtime.sources.said_inside import CORRELATION, said_inside

if TYPE_CHECKING:
    from collections.abc import Mapping

BODY_CHARS: Final = 16_384


class Item(Struct, frozen=True):
    """An item of a table: its table, its key's values, the change that it saw."""

    table: str
    key: str
    change: Mapping[str, Any]


def source_of(raw: Mapping[str, Any]) -> str:  # noqa: PLR0911 - a case a kind of source
    """Name where a record came from."""
    match raw:
        case {"eventSourceARN": str(arn)}:
            return arn
        case {"EventSubscriptionArn": _, "Sns": {"TopicArn": str(arn)}}:
            return arn
        case {"s3": {"bucket": {"arn": str(arn)}}}:
            return arn
        case {"topic": str(topic), "partition": partition}:
            return f"{topic}-{partition}"
        case {"resources": [str(arn), *_]}:
            return arn
        case {"source": str(source), "detail-type": _}:
            return source
    return ""


def text_of(raw: Mapping[str, Any]) -> str:
    """Return what a record carries, as text: the body, opened data, the change."""
    match raw:
        case {"body": str(body)}:
            return body
        case {"kinesis": {"data": str(data)}} | {"value": str(data)}:
            return _opened(data)
        case {"dynamodb": dict(change)}:
            return json.dumps({"eventName": raw.get("eventName"), **change})
        case {"Sns": {"Message": str(message)}}:
            return message
    return json.dumps(raw)


def correlation_of(raw: Mapping[str, Any], *, text: str) -> str | None:
    """Return the correlation id that its sender gave a record, None where nobody gave one."""
    match raw:
        case {"messageAttributes": {"correlationId": {"stringValue": str(given)}}}:
            return given
        case {"Sns": {"MessageAttributes": {"correlationId": {"Value": str(given)}}}}:
            return given
        case {"dynamodb": {"NewImage": {"correlationId": {"S": str(given)}}}}:
            return given
    if '"tableName"' in text and CORRELATION in text:
        change = _change(raw, text)
        given = change and change.get("NewImage", {}).get(CORRELATION, {}).get("S")
        return given if isinstance(given, str) else None
    return said_inside(text)


def item_of(raw: Mapping[str, Any], *, text: str) -> Item | None:
    """Return the item that a table change is of; None where the record is none."""
    change = _change(raw, text)
    if change is None or not isinstance(change.get("Keys"), dict):
        return None
    table = str(raw.get("eventSourceARN", "")).partition("/")[2].partition("/")[0]
    if "kinesis" in raw:
        table = json.loads(text)["tableName"]
    return Item(table, key_text(change["Keys"]), change)


def key_text(keys: Mapping[str, Any]) -> str:
    """Write the values of an item's key, in the order of their names."""
    values = ((name, next(iter(keys[name].values()), "")) for name in sorted(keys))
    return " ".join(str(redact(str(value), key=name)) for name, value in values)


def shown(raw: Mapping[str, Any], *, text: str, redacted: bool) -> str:
    """Word a body for the file: a change by its images, no personal data, and not endless."""
    if redacted:
        raw = _masked(raw)
        text = text_of(raw)
    change = _change(raw, text)
    if isinstance(change, dict):
        images = {name: change[name] for name in ("NewImage", "OldImage") if name in change}
        text = json.dumps({"eventName": _named(text) if "kinesis" in raw else raw.get("eventName"), **images})
    return text if len(text) <= BODY_CHARS else f"{text[:BODY_CHARS]}… ({len(text)} characters)"


def _masked(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Mask what the body is made of."""
    try:
        return cast("Mapping[str, Any]", masked(_carrying(raw)))
    except RecursionError:
        return {"body": REDACTED}


def _carrying(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what no body is made of: to mask all takes three times as long."""
    match raw:
        case {"body": str(body)}:
            return {"body": body, "isBase64Encoded": raw.get("isBase64Encoded")}
        case {"kinesis": {"data": str(data)}}:
            return {"kinesis": {"partitionKey": "", "data": data}}
        case {"value": str()}:
            return {"topic": "", "partition": 0, "offset": 0, **raw}
        case {"dynamodb": _}:
            return {name: raw[name] for name in ("eventName", "dynamodb") if name in raw}
    return raw


def _change(raw: Mapping[str, Any], text: str) -> Any:
    if "dynamodb" in raw:
        return raw["dynamodb"]
    if "kinesis" not in raw or '"dynamodb"' not in text:
        return None
    try:
        opened = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return opened.get("dynamodb") if isinstance(opened, dict) and "tableName" in opened else None


def _named(text: str) -> Any:
    """Return what a change that Kinesis carried is called."""
    return json.loads(text).get("eventName")


def _opened(data: str) -> str:
    try:
        return b64decode(data).decode()
    except ValueError:
        return data


def event_id(raw: Mapping[str, Any], *, otherwise: str) -> str:
    """Return the id of one record of an event, or of an event that is its own record."""
    match raw:
        case {"messageId": str(named)} | {"Sns": {"MessageId": str(named)}}:
            return named
        case {"kinesis": {"sequenceNumber": str(named)}} | {"dynamodb": {"SequenceNumber": str(named)}}:
            return named
        case {"s3": {"object": {"key": str(key), "sequencer": str(sequencer)}}}:
            return f"{redact_text(unquote_plus(key))} {sequencer}"
        case {"id": str(named), "detail-type": _}:
            return named
    return otherwise
