"""Secrets of each kind, sown into every place of an event, and the looking for what is left of them."""

from __future__ import annotations

import copy
import json
import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, unquote_plus

from worker_runtime.testing import (
    change,
    event_bridge_event,
    field_event,
    firehose_event,
    http_event,
    kafka_event,
    kafka_record,
    kinesis_event,
    message,
    notification,
    s3_event,
    schedule_event,
    sns_event,
    sqs_event,
    table_event,
    token_event,
    user_identity,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    Path = tuple[str | int, ...]

PHONE, PASSWORD, NAME = "5551234567", "hunter2hunter2", "Annabella"
_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmVkc2lnbmVk"
_PERSON = json.dumps({"id": "7", "phone": PHONE, "firstNames": [NAME], "password": PASSWORD})
LEFT = re.compile(f"{PHONE}|{PASSWORD}|{NAME}|ann[.]bella|c2lnbmVkc2lnbmVk")

KINDS = {
    "phone": f"+1{PHONE[:10]}",
    "email": "ann.bella@example.com",
    "JWT": _JWT,
    "bearer": f"Bearer {PASSWORD}",
    "JSON": _PERSON,
    "blank JSON": f" \n{_PERSON}",
    "JSON in JSON": json.dumps(_PERSON),
    "lines": f'{{"id":"7"}}\n{_PERSON}\n',
    "end to end": f'{{"id":"7"}}{_PERSON}',
    "cut JSON": _PERSON[:-1],
    "form": f"id=7&password={PASSWORD}&phone={PHONE}&user%5Bfirst_name%5D={NAME}",
    "JSON in a form": f"payload={quote_plus(_PERSON)}",
    "link": f"see https://example.com/?id=7&token={PASSWORD}#x",
    "GraphQL": f'{{ user(phone: "{PHONE}", firstName:"{NAME}", apiKey: {PHONE}) {{ id }} }}',
}
"""A text for each way in which somebody may be named in it."""

PERSONAL = {
    "phones": [PHONE],
    "emails": [NAME],
    "addresses": [{"street": NAME}],
    "cookies": [f"session={PASSWORD}"],
    "first_name": NAME,
    "phoneNumber": int(PHONE),
}

_ITEM = {"PK": "1", "SK": "a", "blob": b"x", "blobs": {b"x"}, "of": {"list": ["x"]}, "set": {"x"}, "n": 1}
_BINARY = {
    "dataType": "Binary",
    "binaryValue": "eA==",
    "stringListValues": [],
    "binaryListValues": ["eA=="],
}


def events() -> dict[str, Any]:
    """Make an event of each source, and of each form that it has."""
    http: dict[str, Any] = {
        "query": {"q": ["a", "b"]},
        "headers": {"referer": "x", "x-a": ["a", "b"]},
        "path": "/of/x",
        "path_parameters": {"id": "x"},
        "authorizer": {"claims": {"sub": "x"}},
    }
    attributed = message("x", group="1", attributes={"a": "x"})
    attributed["messageAttributes"]["b"] = _BINARY
    topic = sns_event("x", subject="x", attributes={"a": "x"})
    topic["Records"][0]["Sns"]["MessageAttributes"]["b"] = {"Type": "Binary", "Value": "eA=="}
    carried = _sent(change(new=_ITEM, old=_ITEM))
    kafka = {**kafka_record("x", key=b"x"), "headers": [{"a": [120]}]}
    firehose = firehose_event("x")
    firehose["records"][0]["kinesisRecordMetadata"] = {"partitionKey": "1", "shardId": "shardId-1"}
    return {
        "sqs": {"Records": [attributed]},
        "sqs of sns": sqs_event(notification("x", attributes={"a": "x"})),
        "table": table_event(carried),
        "kinesis": kinesis_event("x"),
        "table carried by kinesis": kinesis_event({"tableName": "t", "dynamodb": carried["dynamodb"]}),
        "firehose": firehose,
        "kafka": kafka_event(kafka),
        "s3": s3_event("x"),
        "sns": topic,
        "event bridge": event_bridge_event({"x": "x", "list": ["x"]}),
        "schedule": schedule_event({"x": "x"}),
        "http 1.0": http_event("x", **http),
        "http 2.0": {**http_event("x", v2=True, **http), "cookies": ["a=x"]},
        "http, base64": http_event(b"x", v2=True),
        "token 1.0": token_event("x"),
        "token 2.0": token_event("x", v2=True),
        "appsync": field_event({"x": "x"}, identity=user_identity("x", claims={"a": "x"})),
    }


def sown(event: Any, text: str) -> Iterator[tuple[Path, Any]]:
    """Make an event for each of its texts, with ``text`` in its place, in the form of the place."""
    for path in _texts(event):
        yield path, _with(event, path, _formed(event, path, text))
    for path in _numbers(event):
        yield path, _with(event, path, list(memoryview(text.encode()).cast("b")))


def named(event: Any) -> Iterator[tuple[Path, Any]]:
    """Make an event for each of its objects, with personal names beside those that are there."""
    for path, value in _objects(event):
        if path == ("records",):
            continue  # Kafka's partitions: each of them holds records
        more = {"phone": _typed()} if path[-1:] in (("NewImage",), ("M",)) else PERSONAL
        yield path, _with(event, path, {**value, **more})


def left(text: str) -> list[str]:
    """Find what is readable of the secrets: as it is, quoted, in base64 and in bytes."""
    found = LEFT.findall(text)
    if "%" in text:
        found += LEFT.findall(unquote_plus(text))
    for each in re.findall(r"[A-Za-z0-9+/]{8,}={0,2}", text):
        try:
            found += left(b64decode(each, validate=True).decode())
        except ValueError:
            continue
    for each in re.findall(r"\[(-?\d+(?:, ?-?\d+)+)\]", text):
        found += LEFT.findall(bytes(int(part) % 256 for part in each.split(",")).decode(errors="replace"))
    return found


def _sent(made: Any) -> Any:
    """Write binary values as they travel."""
    return json.loads(json.dumps(made, default=lambda value: b64encode(value).decode()))


def _typed() -> dict[str, Any]:
    item = {"S": PHONE, "N": PHONE, "B": _base64(PHONE), "SS": [NAME], "NS": [PHONE], "BS": [_base64(NAME)]}
    return {"M": {kind: {kind: value} for kind, value in item.items()}}


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _formed(event: Any, path: Path, text: str) -> str:
    """Write a text as its place has it: base64 where base64 was, quoted where S3 quotes."""
    name, holder = path[-1], _at(event, path[:-1])
    if name == "key" and "sequencer" in holder:
        return quote_plus(text, safe="/")
    encoded = name in ("data", "binaryValue", "B") or "binaryListValues" in path or "BS" in path
    encoded |= name in ("key", "value") and "topic" in holder
    encoded |= name == "body" and holder.get("isBase64Encoded", False)
    encoded |= name == "Value" and holder.get("Type") == "Binary"
    return _base64(text) if encoded else text


def _texts(value: Any, path: Path = ()) -> Iterator[Path]:
    match value:
        case str():
            yield path
        case dict():
            for name, each in value.items():
                yield from _texts(each, (*path, name))
        case list():
            for at, each in enumerate(value):
                yield from _texts(each, (*path, at))


def _numbers(event: Any) -> Iterator[Path]:
    """Find the headers of Kafka's records, lists of bytes."""
    for path, value in _objects(event):
        if "offset" in value:
            yield from (
                (*path, "headers", at, name) for at, each in enumerate(value["headers"]) for name in each
            )


def _objects(value: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    match value:
        case dict():
            if not _is_typed(value):
                yield path, value
            for name, each in value.items():
                yield from _objects(each, (*path, name))
        case list():
            for at, each in enumerate(value):
                yield from _objects(each, (*path, at))


def _is_typed(value: dict[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)) in {"S", "N", "B", "SS", "NS", "BS", "M", "L"}


def _at(event: Any, path: Path) -> Any:
    for step in path:
        event = event[step]
    return event


def _with(event: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    new = copy.deepcopy(event)
    _at(new, path[:-1])[path[-1]] = value
    return new
