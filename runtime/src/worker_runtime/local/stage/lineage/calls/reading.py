"""Which calls are worth a note, and what each made: asked by the gateway's watch, and by the scribe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.stage.lineage.calls.effects import Effect, Exchange
from worker_runtime.local.stage.lineage.calls.items import written
from worker_runtime.local.stage.lineage.calls.messages import published, sent
from worker_runtime.local.stage.lineage.calls.others import put_on_bus, started, stored, streamed
from worker_runtime.local.stage.parts.http_wire import WireMessage, headers_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.local.stage.lineage.happenings import Called, Keys

_DYNAMODB: Final = "DynamoDB_20120810"
_TOLD: Final = frozenset(
    (
        *("AmazonSQS.SendMessage", "AmazonSQS.SendMessageBatch"),
        *(f"{_DYNAMODB}.{verb}Item" for verb in ("Put", "Update", "Delete", "BatchWrite")),
        f"{_DYNAMODB}.TransactWriteItems",
        *("Kinesis_20131202.PutRecord", "Kinesis_20131202.PutRecords"),
        *("AWSEvents.PutEvents", "AWSStepFunctions.StartExecution"),
    )
)


def is_told(request: WireMessage, target: str | None) -> bool:
    """Whether a call makes something that a lineage tells of; calls that only read do not."""
    if target is not None:
        return target in _TOLD
    posts = b"Action=Publish" in request.body or b"?uploadId=" in request.head
    return request.start[0] == "PUT" or (request.start[0] == "POST" and posts)


def effects_of(called: Called) -> list[Effect]:
    """List what a call made."""
    exchange = _exchange(called)
    service, _, verb = exchange.operation.partition(".")
    if service:
        return _by_json(service, verb, exchange, keys=called.keys)
    if b"Action=Publish" in exchange.body:
        error = None if exchange.good else str(exchange.status)
        return published(exchange.body, exchange.answer, error=error)
    return stored(exchange)


def _by_json(service: str, verb: str, exchange: Exchange, *, keys: Keys) -> list[Effect]:
    """Read a call to one of the services that speak JSON."""
    call, answer = _object(exchange.body), _object(exchange.answer)
    error = None if exchange.good else _code(exchange, answer)
    match service:
        case "AmazonSQS":
            return sent(call, answer, error=error)
        case "Kinesis_20131202":
            return streamed(verb, call, answer, error=error)
        case "AWSEvents":
            return put_on_bus(call, answer, error=error)
        case "AWSStepFunctions":
            return started(call, answer, error=error)
    return written(verb, call, answer, keys=keys, error=error)


def _exchange(called: Called) -> Exchange:
    head, _, answer = called.answer.partition(b"\r\n\r\n")
    request = WireMessage(called.request, called.body)
    method, path, _ = request.start
    return Exchange(
        operation=headers_of(called.request).get("x-amz-target", ""),
        method=method,
        path=path,
        body=called.body,
        status=int(head.split(b" ", 2)[1]),
        headers=dict(headers_of(head + b"\r\n\r\n")),
        answer=answer,
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(body or b"{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _code(exchange: Exchange, answer: Mapping[str, Any]) -> str:
    """Return AWS's error code, else HTTP's status."""
    named = exchange.headers.get("x-amzn-query-error", "").partition(";")[0]
    said = answer.get("__type") or answer.get("code") or ""
    return named or str(said).rpartition("#")[2] or str(exchange.status)
