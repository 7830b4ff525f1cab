"""What a message's body holds for its worker: the body itself, or what is in the envelopes around it.

Queues and topics decode their messages here. What envelopes are is in ``envelopes.py``, which only
the first message that may be one imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from worker_runtime.decoding import json_decoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.records import Record
    from worker_runtime.sources.envelopes import Envelope

OF_A_TOPIC: Final = '"TopicArn"'
OF_AN_EVENT: Final = '"detail-type"'
OF_A_TEST: Final = '"s3:TestEvent"'
"""What every body has inside that is an envelope, or a bucket's test; few others have."""


def body_decoder(model: Any) -> Callable[[Record[Any]], Any]:
    """Compose the decoder of a message: what its envelopes hold as the worker's type.

    A plain body, which nearly all are, pays for three searches of its text.
    """
    if wants_objects(model):
        from worker_runtime.sources.envelopes import object_decoder  # noqa: PLC0415 - only S3 workers pay

        return object_decoder(model)
    decode = json_decoder(model)

    def message(record: Record[Any]) -> Any:
        body = record.body
        if OF_A_TOPIC in body or OF_AN_EVENT in body or OF_A_TEST in body:
            from worker_runtime.sources.envelopes import payload_of  # noqa: PLC0415 - as the module says

            body = payload_of(body)
        return decode(body)

    return message


def envelope_of(body: Any) -> Envelope | None:
    """Open what is around a body's payload; None where nothing is."""
    if not isinstance(body, str) or not (OF_A_TOPIC in body or OF_AN_EVENT in body):
        return None
    from worker_runtime.sources.envelopes import opened  # noqa: PLC0415 - as the module says

    return opened(body)


def wants_objects(model: Any) -> bool:
    """Whether a worker takes ``S3Object``, or a list of them; asked without importing it."""
    item = get_args(model)[0] if get_origin(model) is list else model
    return getattr(item, "of_s3", False) is True
