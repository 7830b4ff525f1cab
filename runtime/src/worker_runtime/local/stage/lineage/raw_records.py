"""What names a record in its form in the event, whichever source it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from worker_runtime.redaction import redact, redact_text

if TYPE_CHECKING:
    from collections.abc import Mapping


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


def key_text(keys: Mapping[str, Any]) -> str:
    """Write the values of an item's key, in the order of their names."""
    values = ((name, next(iter(keys[name].values()), "")) for name in sorted(keys))
    return " ".join(str(redact(str(value), key=name)) for name, value in values)
