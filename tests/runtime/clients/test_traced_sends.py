"""Messages sent in a trace are a part of it, where there is room; what is passed on stays as it was."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime import Change, Defer, Reject, Sqs, Stack, TableStream, worker
from worker_runtime.clients import aws
from worker_runtime.clients.sqs import Message, Queue, size_of
from worker_runtime.clients.sqs_limits import MESSAGE_BYTES
from worker_runtime.invocation import Trace, set_trace
from worker_runtime.middleware import Middleware
from worker_runtime.runtime import run
from worker_runtime.testing import Context, RecordingSender, change, message, ready, table_event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker_runtime.middleware import Invoke

TRACE = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "01")
OTHER = "00-11111111111111111111111111111111-2222222222222222-01"


@contextmanager
def in_a_trace() -> Iterator[None]:
    set_trace(lambda: TRACE)
    try:
        yield
    finally:
        set_trace(lambda: None)


def around(call_next: Invoke) -> Invoke:
    def traced(event: Any) -> Any:
        with in_a_trace():
            return call_next(event)

    return traced


def sent(url: str, given: Message) -> dict[str, str]:
    """Send in a trace and return the attributes that arrive, as text."""
    with in_a_trace():
        Queue(url).send_one(given)
    answer = aws.client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"], WaitTimeSeconds=2)
    (arrived,) = answer["Messages"]
    return {name: each["StringValue"] for name, each in arrived.get("MessageAttributes", {}).items()}


def test_a_message_carries_the_trace_that_it_is_sent_in(queue_url: str) -> None:
    assert sent(queue_url, Message("x")) == {"traceparent": TRACE.traceparent}


def test_a_trace_that_the_sender_chose_stays(queue_url: str) -> None:
    assert sent(queue_url, Message("x", {"traceparent": OTHER})) == {"traceparent": OTHER}


@pytest.mark.parametrize(("taken", "carried"), [(9, True), (10, False)])
def test_a_trace_takes_the_tenth_attribute_and_never_an_eleventh(
    queue_url: str, taken: int, *, carried: bool
) -> None:
    attributes = {f"a{number}": "1" for number in range(taken)}

    arrived = sent(queue_url, Message("x", attributes))

    assert ("traceparent" in arrived) is carried
    assert attributes.items() <= arrived.items()


def test_a_message_that_is_full_goes_without(queue_url: str) -> None:
    room = size_of(Message("", {"traceparent": TRACE.traceparent}))

    assert sent(queue_url, Message("x" * (MESSAGE_BYTES - room))) == {"traceparent": TRACE.traceparent}
    assert sent(queue_url, Message("x" * (MESSAGE_BYTES - room + 1))) == {}


def of_orders(verdict: Exception) -> Any:
    @worker(Sqs("orders", dead_letters="orders-dlq"), stack=Stack("shop"))
    def refuse(_order: bytes) -> None:
        """Say no."""
        raise verdict

    return refuse


def passed_on(declared: Any, event: Any) -> Mapping[str, Any]:
    sender = RecordingSender()
    loaded = ready(declared, middleware=(Middleware("traced", around),))
    run(loaded, event, context=Context(), sender=sender)
    ((_, letter),) = sender.sent
    return letter.attributes


def test_a_dead_letter_of_a_queue_is_the_original_and_its_reason() -> None:
    attributes = passed_on(of_orders(Reject("NO")), {"Records": [message("{}", attributes={"a": "1"})]})

    assert attributes.keys() == {"a", "deadLetterReason"}


def test_a_deferral_carries_its_own_trace_on() -> None:
    original = message("{}", attributes={"traceparent": OTHER})

    attributes = passed_on(of_orders(Defer(5)), {"Records": [original]})

    assert attributes["traceparent"].value == OTHER


def test_an_envelope_is_a_message_of_the_runtime_s_own_and_carries_the_trace() -> None:
    @worker(TableStream("orders", dead_letters="orders-dlq"), stack=Stack("shop"))
    def refuse(_change: Change[dict[str, Any]]) -> None:
        """Say no."""
        raise Reject("NO")

    attributes = passed_on(refuse, table_event(change(new={"PK": "1", "SK": "1"})))

    assert attributes["traceparent"] == TRACE.traceparent
