"""The runtime's own sender against real queues and buckets: what a rejected record's letter is there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import Struct

from worker_runtime import Change, Defer, Environment, Reject, Retry, Sqs, Stack, TableStream, worker
from worker_runtime.clients.sqs import Message
from worker_runtime.effects import Spill
from worker_runtime.errors import Halt, SettingsError
from worker_runtime.sending import AwsSender
from worker_runtime.testing import change, message, run_on, table_event

if TYPE_CHECKING:
    from collections.abc import Callable

SHOP = Stack("shop")


def sender_to(queue_url: str, **variables: str) -> AwsSender:
    return AwsSender(
        Environment.read({"DLQ_QUEUE_URL": queue_url, "ORDERS_QUEUE_URL": queue_url, **variables})
    )


def received(cloud: Callable[[str], Any], queue_url: str) -> list[dict[str, Any]]:
    answer = cloud("sqs").receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


@worker(Sqs("orders", dead_letters="dlq"), stack=SHOP)
def refuse(_body: bytes) -> None:
    """Refuse every message."""
    raise Reject("TOLD_TO", "\ufffe +15551234567")


class Numbered(Struct):
    n: int


@worker(TableStream("orders", dead_letters="dlq"), stack=SHOP)
def undecodable(_changed: Change[Numbered]) -> None:
    """Take numbers."""


@pytest.mark.parametrize("size", [1, 300_000, 1_048_000])
def test_a_dead_letter_is_taken_by_the_queue_however_large_the_message_was(
    cloud: Callable[[str], Any], queue_url: str, size: int
) -> None:
    reply = run_on(
        refuse, {"Records": [message("x" * size, attributes={"origin": "web"})]}, sender=sender_to(queue_url)
    )

    (letter,) = received(cloud, queue_url)
    reason = json.loads(letter["MessageAttributes"]["deadLetterReason"]["StringValue"])
    assert reply == {"batchItemFailures": []}
    assert letter["Body"] == "x" * size
    assert letter["MessageAttributes"]["origin"] == {"StringValue": "web", "DataType": "String"}
    assert reason["error"] == "TOLD_TO: \ufffe +*******4567"


def test_a_deferred_message_comes_back_from_the_queue(cloud: Callable[[str], Any], queue_url: str) -> None:
    @worker(Sqs("orders"), stack=SHOP)
    def put_off(_body: bytes) -> None:
        """Put off."""
        raise Defer(0)

    run_on(put_off, {"Records": [message("x")]}, sender=sender_to(queue_url))

    (again,) = received(cloud, queue_url)
    assert again["Body"] == "x"
    assert again["MessageAttributes"]["deferrals"]["StringValue"] == "1"


def test_a_failed_message_stays_hidden_as_long_as_it_asks(
    cloud: Callable[[str], Any], queue_url: str
) -> None:
    @worker(Sqs("orders"), stack=SHOP)
    def wait(_body: bytes) -> None:
        """Ask to come back at once."""
        raise Retry(0)

    cloud("sqs").send_message(QueueUrl=queue_url, MessageBody="x")
    (first,) = received(cloud, queue_url)
    record = message("x") | {"receiptHandle": first["ReceiptHandle"]}

    run_on(wait, {"Records": [record]}, sender=sender_to(queue_url))

    (second,) = received(cloud, queue_url)
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"


def test_what_fits_no_message_is_stored(cloud: Callable[[str], Any]) -> None:
    cloud("s3").create_bucket(Bucket="real-letters")
    sender = AwsSender(Environment.read({"LETTERS_BUCKET": "real-letters"}))

    error = sender.spill(Spill("letters", "dead-letters/1.json.gz", b"packed"))

    assert error is None
    assert (
        cloud("s3").get_object(Bucket="real-letters", Key="dead-letters/1.json.gz")["Body"].read()
        == b"packed"
    )


@pytest.mark.usefixtures("cloud")
def test_a_bucket_that_is_not_there_is_an_error_of_its_record() -> None:
    sender = AwsSender(Environment.read({"LETTERS_BUCKET": "no-such-bucket"}))

    assert isinstance(sender.spill(Spill("letters", "k", b"")), Halt)


def test_a_variable_that_is_missing_is_an_error_of_each_record() -> None:
    sender = AwsSender(Environment.read({}))

    errors = [
        *sender.send("dlq", [Message("a"), Message("b")]),
        *sender.change_visibility("orders", [("receipt", 30)]),
        sender.spill(Spill("letters", "k", b"")),
    ]

    assert [type(error) for error in errors] == [SettingsError] * 4
    assert "DLQ_QUEUE_URL is not set" in str(errors[0])


def test_a_table_s_odd_characters_reach_its_dead_letters(cloud: Callable[[str], Any], queue_url: str) -> None:
    reply = run_on(
        undecodable, table_event(change(new={"PK": "\uffff\x00", "n": "x"})), sender=sender_to(queue_url)
    )

    (letter,) = received(cloud, queue_url)
    image = json.loads(letter["Body"])["record"]["dynamodb"]["NewImage"]
    assert reply == {"batchItemFailures": []}
    assert image["PK"] == {"S": "\uffff\x00"}
