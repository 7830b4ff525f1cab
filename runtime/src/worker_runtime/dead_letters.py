"""A rejected record as a message that can be read, searched and sent back.

From SQS it is the original message plus one attribute; from everywhere else, and where that
attribute does not fit, an envelope around the whole record. A record is never truncated.
"""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from worker_runtime import clock
from worker_runtime.clients.sqs import Message, size_of
from worker_runtime.clients.sqs_limits import ATTRIBUTES_A_MESSAGE, MESSAGE_BYTES
from worker_runtime.effects import Refuse, Send, Spill
from worker_runtime.errors import text_of
from worker_runtime.middleware.correlation import trace_headers
from worker_runtime.redaction import redact_text

if TYPE_CHECKING:
    from worker_runtime.outcomes import Rejected
    from worker_runtime.records import Record

REASON_ATTRIBUTE: Final = "deadLetterReason"
ENVELOPE_VERSION: Final = 1
ERROR_CHARS: Final = 4_000  # an error may quote all that it did not like; the record is there anyway

_REFUSED: Final = re.compile(r"[\ud800-\udfff\ufffe\uffff]")
"""What SendMessage refuses in a text, beside control characters, which JSON escapes."""


class Reason(msgspec.Struct, frozen=True, rename="camel"):
    """Why a record is a dead letter: the reason attribute, and the head of an envelope."""

    worker: str
    source: str
    code: str
    error: str
    record_id: str
    correlation_id: str
    attempts: int | None
    at: str
    version: int = ENVELOPE_VERSION

    @classmethod
    def of(cls, record: Record[Any], outcome: Rejected, *, worker: str, source: str) -> Reason:
        """Say why ``worker`` rejected ``record``; personal data in the error is redacted."""
        return cls(
            worker=worker,
            source=source,
            code=redact_text(outcome.code)[:ERROR_CHARS],
            error=redact_text(text_of(outcome.error))[:ERROR_CHARS],
            record_id=record.id,
            correlation_id=record.correlation_id,
            attempts=record.attempt,
            at=datetime.fromtimestamp(clock.now(), tz=UTC).isoformat(timespec="milliseconds"),
        )


class Envelope(Reason, frozen=True, rename="camel"):
    """A dead letter that holds its record whole: as it was, compressed, or in the spill bucket."""

    record: Any = msgspec.UNSET
    record_gzip: str | msgspec.UnsetType = msgspec.UNSET
    record_at: str | msgspec.UnsetType = msgspec.UNSET


class Postbox(msgspec.Struct, frozen=True, kw_only=True):
    """Where a source's dead letters go, and where what no message can carry."""

    queue: str
    spill_bucket: str | None = None


def marked_original(
    at: int, record: Record[Any], *, original: Message, reason: Reason, to: Postbox
) -> Send | Refuse:
    """Send a queue's message on as it was, with the reason as one more attribute.

    The envelope takes over where ten attributes are taken or the message would grow too large.
    """
    text = _encode(reason)
    attributes = {**original.attributes, REASON_ATTRIBUTE: text}
    marked = _addressed(replace(original, attributes=attributes, delay_s=0), record, reason, to)
    if (
        len(attributes) > ATTRIBUTES_A_MESSAGE
        or _REFUSED.search(original.body)
        or size_of(marked) > MESSAGE_BYTES
    ):
        return enveloped(at, record, reason=reason, to=to)
    return Send(at, to.queue, marked)


def enveloped(at: int, record: Record[Any], *, reason: Reason, to: Postbox) -> Send | Refuse:
    """Send a record in an envelope: whole, else compressed, else in the spill bucket."""
    head = msgspec.structs.asdict(reason)
    whole = _letter(Envelope(**head, record=record.raw), record, reason, to)
    if size_of(whole) <= MESSAGE_BYTES:
        return Send(at, to.queue, whole)
    packed = gzip.compress(_json(record.raw).encode(), mtime=0)
    compressed = _letter(Envelope(**head, record_gzip=b64encode(packed).decode()), record, reason, to)
    if size_of(compressed) <= MESSAGE_BYTES:
        return Send(at, to.queue, compressed)
    if to.spill_bucket is None:
        return Refuse(
            at, ValueError(f"record {record.id} fits no message even compressed; declare a spill_bucket.")
        )
    spill = Spill(to.spill_bucket, f"dead-letters/{reason.worker}/{_digest(reason, record)}.json.gz", packed)
    pointer = Envelope(**head, record_at=spill.key)
    return Send(at, to.queue, _letter(pointer, record, reason, to), spill)


def _letter(envelope: Envelope, record: Record[Any], reason: Reason, to: Postbox) -> Message:
    return _addressed(
        Message(
            body=_encode(envelope), attributes={"correlationId": reason.correlation_id, **trace_headers()}
        ),
        record,
        reason,
        to,
    )


def _addressed(message: Message, record: Record[Any], reason: Reason, to: Postbox) -> Message:
    """Keep the group where the dead letters are FIFO; the same record of the same worker is one letter."""
    if not to.queue.endswith(".fifo"):
        return replace(message, group_id=None, deduplication_id=None)
    return replace(message, group_id=record.lane or record.id, deduplication_id=_digest(reason, record))


def _digest(reason: Reason, record: Record[Any]) -> str:
    """Tell a worker's record from all others; Kinesis's sequence numbers are those of a shard."""
    match record.raw:
        case {"kinesis": _, "eventID": str(named)}:  # shard and sequence number
            pass
        case _:
            named = record.id
    return sha256(f"{reason.worker}|{named}".encode()).hexdigest()


def _encode(value: Reason) -> str:
    return _json(msgspec.to_builtins(value))


def _json(value: Any) -> str:
    """Write JSON that can always be sent: what SQS refuses is escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(value, separators=(",", ":")) if _REFUSED.search(text) else text
