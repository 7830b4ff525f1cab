"""What spans are called and say, in the words of OpenTelemetry's semantic conventions (1.44)."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import SpanKind, Status, StatusCode

from worker_runtime.errors import text_of
from worker_runtime.invocation import Invocation
from worker_runtime.outcomes import Deferred, Done, Failed, Family, Outcome, Rejected, Skipped, Unstarted
from worker_runtime.redaction import redact_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.trace import Span

    from worker_runtime.records import Record
    from worker_runtime.sources import Source

    Attributes = dict[str, str | int | bool]

ASKED: Final = frozenset((Family.APPSYNC, Family.HTTP, Family.INVOKE))
"""Families whose caller waits for the reply."""

SYSTEMS: Final[Mapping[str, str]] = {
    "sqs": "aws_sqs",
    "sqs_fifo": "aws_sqs",
    "sns": "aws.sns",
    "kafka": "kafka",
    "kinesis": "aws.kinesis",
    "event_bridge": "aws.eventbridge",
}
"""``messaging.system`` by kind of source; the conventions have no names for the last two."""

TRIGGERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(SYSTEMS, "pubsub"),
    "table_stream": "datasource",
    "s3": "datasource",
    "schedule": "timer",
}
"""``faas.trigger`` by kind of source; what asks over HTTP is ``http``, all else ``other``."""

WORDS: Final[Mapping[type[Outcome], str]] = {
    Done: "done",
    Skipped: "skip",
    Failed: "retry",
    Deferred: "defer",
    Rejected: "reject",
    Unstarted: "unstarted",
}
SERVER_ERROR: Final = 500


def kind_of(source: Source | None) -> SpanKind:
    """Whether somebody waits for the reply, or the records were left for whoever takes them."""
    return SpanKind.SERVER if source is not None and source.family in ASKED else SpanKind.CONSUMER


def of_invocation(source: Source | None, *, cold: bool) -> Attributes:
    """Describe an invocation by ``faas``."""
    return {
        "faas.trigger": _trigger(source),
        "faas.invocation_id": Invocation().request_id,
        "faas.coldstart": cold,
    }


def of_batch(source: Source, records: Sequence[Record[Any]]) -> Attributes:
    """Describe what was opened by ``messaging``, where it is a batch of messages."""
    messaging = _messaging(source)
    return {**messaging, "messaging.batch.message_count": len(records)} if messaging else {}


def of_record(source: Source | None, record: Record[Any]) -> Attributes:
    """Describe one record, by ``messaging`` where it is a message."""
    said = _messaging(source)
    said["messaging.message.id" if said else "worker.record.id"] = sayable(str(record.id))
    if record.attempt is not None:
        said["worker.record.attempt"] = record.attempt
    return said


def _trigger(source: Source | None) -> str:
    if source is not None and source.family in (Family.APPSYNC, Family.HTTP):
        return "http"
    return "other" if source is None else TRIGGERS.get(source.kind, "other")


def _messaging(source: Source | None) -> Attributes:
    if source is None or source.kind not in SYSTEMS:
        return {}
    return {
        "messaging.system": SYSTEMS[source.kind],
        "messaging.destination.name": source.name,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
    }


def sayable(text: str) -> str:
    """Return a text without its personal data, and without what no UTF-8 has: one such costs all spans."""
    return redact_text(text).encode("utf-8", "replace").decode()


def blame(span: Span, error: BaseException) -> None:
    """Note on a span what was raised, without its personal data."""
    text = sayable(text_of(error))
    span.set_status(Status(StatusCode.ERROR, text))
    span.set_attribute("error.type", type(error).__name__)
    said = {
        "exception.type": type(error).__name__,
        "exception.message": text,
        "exception.stacktrace": sayable("".join(traceback.format_exception(error))),
    }
    span.add_event("exception", said)


def settle(span: Span, outcome: Outcome) -> None:
    """Note on a record's span what became of it."""
    span.set_attribute("worker.record.outcome", WORDS[type(outcome)])
    match outcome:
        case Failed(error=error) | Rejected(error=error):
            blame(span, error)
        case Done() | Skipped():
            span.set_status(Status(StatusCode.OK))


def answer(span: Span, reply: Any, *, kind: SpanKind) -> None:
    """Note on an invocation's span what a reply says of records, or of the request."""
    match reply:
        case {"batchItemFailures": [*failed]} if failed:
            span.set_attribute("worker.records.redelivered", len(failed))
            span.set_status(Status(StatusCode.ERROR, f"{len(failed)} records come again"))
        case {"statusCode": int(status)} if kind is SpanKind.SERVER:
            span.set_attribute("http.response.status_code", status)
            if status >= SERVER_ERROR:
                span.set_status(Status(StatusCode.ERROR))
