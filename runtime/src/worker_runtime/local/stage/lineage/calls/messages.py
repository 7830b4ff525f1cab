"""Messages that were sent: to queues, to topics."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from worker_runtime.dead_letters import REASON_ATTRIBUTE
from worker_runtime.local.stage.lineage.calls.effects import Effect
from worker_runtime.sources.said_inside import CORRELATION
from worker_runtime.sources.sqs_record import DEFERRALS

if TYPE_CHECKING:
    from collections.abc import Mapping

_MESSAGE_IDS: Final = re.compile(rb"<MessageId>([^<]+)</MessageId>")
_ENVELOPE: Final = ('"recordId"', '"worker"', '"code"')


def sent(call: Mapping[str, Any], answer: Mapping[str, Any], *, error: str | None) -> list[Effect]:
    """Read ``SendMessage`` and ``SendMessageBatch``."""
    queue = str(call.get("QueueUrl", "")).rsplit("/", 1)[-1]
    if "Entries" not in call:
        return [_message(call, queue, "SendMessage", thing=answer.get("MessageId", ""), error=error)]
    ids = {each["Id"]: each["MessageId"] for each in answer.get("Successful", ())}
    codes = {each["Id"]: each["Code"] for each in answer.get("Failed", ())}
    return [
        _message(
            entry,
            queue,
            "SendMessageBatch",
            thing=ids.get(entry["Id"], ""),
            error=error or codes.get(entry["Id"]),
        )
        for entry in call["Entries"]
    ]


def published(body: bytes, answer: bytes, *, error: str | None) -> list[Effect]:
    """Read SNS's ``Publish`` and ``PublishBatch``, which are forms answered with XML."""
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    topic = form.get("TopicArn", "").rsplit(":", 1)[-1]
    verb = form.get("Action", "")
    ids = [each.decode() for each in _MESSAGE_IDS.findall(answer)] or [""]
    said = {
        form[name]: form.get(f"{name.removesuffix('.Name')}.Value.StringValue")
        for name in form
        if name.endswith(".Name")
    }
    return [
        Effect(
            verb=verb, kind="event", target=topic, thing=each, error=error, correlation=said.get(CORRELATION)
        )
        for each in ids
    ]


def _message(entry: Mapping[str, Any], queue: str, verb: str, *, thing: str, error: str | None) -> Effect:
    attributes = entry.get("MessageAttributes") or {}
    texts = {name: given.get("StringValue") for name, given in attributes.items()}
    body = str(entry.get("MessageBody", ""))
    names = _named(texts.get(REASON_ATTRIBUTE) or body)
    kind = "letter" if names else "deferral" if DEFERRALS in texts else "message"
    return Effect(
        verb=verb,
        kind=kind,
        target=queue,
        thing=thing,
        error=error,
        names=names,
        body=body,
        correlation=texts.get(CORRELATION),
    )


def _named(text: str) -> str | None:
    """Return the record that a dead letter is of: our reason, or envelope, names it."""
    if not all(field in text for field in _ENVELOPE):
        return None
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    named = said.get("recordId") if isinstance(said, dict) else None
    return named if isinstance(named, str) else None
