"""What else workers make: records of streams, events on buses, objects in buckets, executions."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from worker_runtime.local.stage.lineage.calls.effects import Effect
from worker_runtime.redaction import redact_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.local.stage.lineage.calls.effects import Exchange


def streamed(
    verb: str, call: Mapping[str, Any], answer: Mapping[str, Any], *, error: str | None
) -> list[Effect]:
    """Read Kinesis's ``PutRecord`` and ``PutRecords``."""
    stream = call.get("StreamName") or str(call.get("StreamARN", "")).rpartition("/")[2]
    results = answer.get("Records", [answer]) if not error else [{}] * len(call.get("Records", [call]))
    return [
        Effect(
            verb=verb,
            kind="record",
            target=stream,
            thing=each.get("SequenceNumber", ""),
            error=error or each.get("ErrorCode"),
        )
        for each in results
    ]


def put_on_bus(call: Mapping[str, Any], answer: Mapping[str, Any], *, error: str | None) -> list[Effect]:
    """Read EventBridge's ``PutEvents``."""
    nothing: Mapping[str, Any] = {}
    pairs = zip_longest(call.get("Entries", ()), answer.get("Entries", ()), fillvalue=nothing)
    return [
        Effect(
            verb="PutEvents",
            kind="event",
            target=str(entry.get("EventBusName") or "default").rpartition("/")[2],
            thing=done.get("EventId", ""),
            error=error or done.get("ErrorCode"),
        )
        for entry, done in pairs
    ]


def started(call: Mapping[str, Any], answer: Mapping[str, Any], *, error: str | None) -> list[Effect]:
    """Read Step Functions' ``StartExecution``."""
    machine = str(call.get("stateMachineArn", "")).rpartition(":")[2]
    thing = answer.get("executionArn", "")
    return [Effect(verb="StartExecution", kind="execution", target=machine, thing=thing, error=error)]


def stored(exchange: Exchange) -> list[Effect]:
    """Read S3's ``PutObject``, copies and uploads in parts among them: ``/bucket/key``."""
    url = urlsplit(exchange.path)
    bucket, _, key = unquote(url.path).removeprefix("/").partition("/")
    in_parts = "uploadId=" in url.query and exchange.method == "POST"
    if not key or not (in_parts or (exchange.method == "PUT" and not url.query.startswith("partNumber"))):
        return []
    error = None if exchange.good else str(exchange.status)
    return [Effect(verb="PutObject", kind="object", target=bucket, thing=redact_text(key), error=error)]
