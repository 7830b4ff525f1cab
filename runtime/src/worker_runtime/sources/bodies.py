"""What a message's body holds for its worker: the body itself, or what is in the envelopes around it.

Queues and topics decode their messages here. What envelopes are is in ``envelopes.py``, which only
the first message that may be one imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from msgspec import Struct, structs

from worker_runtime.decoding import json_decoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.records import Record
    from worker_runtime.sources.envelopes import Envelope

OF_A_TOPIC: Final = '"TopicArn"'
OF_AN_EVENT: Final = '"detail-type"'
OF_A_TEST: Final = '"s3:TestEvent"'
"""What every envelope, and a bucket's test, has inside; few other bodies have."""

_OUTSIDE: Final = {
    OF_A_TOPIC: (
        *("Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SequenceNumber"),
        *("SignatureVersion", "Signature", "SigningCertURL", "UnsubscribeURL", "MessageAttributes"),
    ),
    OF_AN_EVENT: (
        *("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"),
        "replay-name",
    ),
    OF_A_TEST: ("Service", "Event", "Time", "Bucket", "RequestId", "HostId"),
}
"""All that envelopes of SNS and EventBridge, and a bucket's test, have outside; any may come first."""

_KEYS: Final = {key for keys in _OUTSIDE.values() for key in keys}
_INDENTS: Final = ('{"', '{ "', '{\n "', '{\n  "', '{\n    "', '{\n\t"', '{\r\n  "')
_FIRST: Final = slice(2, 3)
_HEAD: Final = slice(2, 5)


def _marks_by_head() -> dict[str, set[str]]:
    """Say what has to be inside a body that begins as an envelope may."""
    marks: dict[str, set[str]] = {}
    for mark, keys in _OUTSIDE.items():
        for start in (f'{indent}{key}"' for indent in _INDENTS for key in keys):
            marks.setdefault(start[_HEAD], set()).add(mark)
    return marks


_MARKS: Final = _marks_by_head()
_FIRSTS: Final = frozenset(head[0] for head in _MARKS)
"""Few characters tell nearly all plain bodies: to search long ones took as long as to decode them."""


def body_decoder(model: Any) -> Callable[[Record[Any]], Any]:
    """Compose the decoder of a message: what its envelopes hold as the worker's type."""
    if wants_objects(model):
        from worker_runtime.sources.envelopes import object_decoder  # noqa: PLC0415 - only S3 workers pay

        return object_decoder(model)
    decode = json_decoder(model)

    def message(record: Record[Any]) -> Any:
        body = record.body
        return decode(_unwrapped(body) if body[_FIRST] in _FIRSTS else body)

    def plain_first(record: Record[Any]) -> Any:
        body = record.body
        try:
            return decode(body)
        except ValueError:
            payload = _unwrapped(body)
            if payload is body:
                raise
        return decode(payload)

    return plain_first if _has_a_key_of_its_own(model) else message


def _has_a_key_of_its_own(model: Any) -> bool:
    """Whether a type needs a field that no envelope has, so that only its own bodies become it."""
    if not (isinstance(model, type) and issubclass(model, Struct)):
        return False
    return any(each.required and each.encode_name not in _KEYS for each in structs.fields(model))


def _unwrapped(body: str) -> str | bytes:
    """Take the payload out of a body that may be an envelope."""
    if not _resembles_one(body):
        return body
    from worker_runtime.sources.envelopes import payload_of  # noqa: PLC0415 - as the module says

    return payload_of(body)


def envelope_of(body: Any) -> Envelope | None:
    """Open what is around a body's payload; None where nothing is."""
    if not isinstance(body, str) or not _resembles_one(body):
        return None
    from worker_runtime.sources.envelopes import opened  # noqa: PLC0415 - as the module says

    return opened(body)


def _resembles_one(body: str) -> bool:
    """Whether a body begins as an envelope may, and has what that one has inside."""
    for mark in _MARKS.get(body[_HEAD], ()):  # noqa: SIM110 - any() takes thrice as long, for each message
        if mark in body:
            return True
    return False


def wants_objects(model: Any) -> bool:
    """Whether a worker takes ``S3Object``, or a list of them; asked without importing it."""
    item = get_args(model)[0] if get_origin(model) is list else model
    return getattr(item, "of_s3", False) is True
