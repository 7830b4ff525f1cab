from __future__ import annotations

import json
from uuid import uuid4

import pytest

from worker_runtime import Halt
from worker_runtime.clients import aws
from worker_runtime.clients.sqs import Queue
from workers_dmnd.adapters.sqs import SqsShortUrlQueue


@pytest.fixture
def queue_url(cloud: None) -> str:  # noqa: ARG001 - the emulator has to be there
    url: str = aws.client("sqs").create_queue(QueueName=f"event-short-url-{uuid4().hex[:8]}")["QueueUrl"]
    return url


def test_each_event_is_a_message_with_its_correlation_id_beside_it(queue_url: str) -> None:
    queue = SqsShortUrlQueue(Queue(queue_url))

    failed = queue.enqueue({"e1": "import-7"})

    answer = aws.client("sqs").receive_message(QueueUrl=queue_url, MessageAttributeNames=["All"])
    (message,) = answer["Messages"]
    assert failed == {}
    assert message["Body"] == '{"data":{"id":"e1"},"id":"e1"}'
    assert message["MessageAttributes"] == {
        "correlationId": {"StringValue": "import-7", "DataType": "String"}
    }


def test_many_events_are_sent_in_as_many_calls_as_they_need(queue_url: str) -> None:
    events = {f"e{at}": "import-7" for at in range(23)}

    failed = SqsShortUrlQueue(Queue(queue_url)).enqueue(events)

    received: set[str] = set()
    while len(received) < len(events):
        answer = aws.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
        received |= {json.loads(message["Body"])["id"] for message in answer["Messages"]}
    assert failed == {}
    assert received == set(events)


def test_events_that_could_not_be_queued_are_told_by_their_id(queue_url: str) -> None:
    queue = SqsShortUrlQueue(Queue(queue_url + "-that-is-not-there"))

    failed = queue.enqueue({"e1": "c", "e2": "c"})

    assert list(failed) == ["e1", "e2"]
    assert all(isinstance(why, Halt) for why in failed.values())


def test_nothing_is_sent_for_nothing(queue_url: str) -> None:
    assert SqsShortUrlQueue(Queue(queue_url)).enqueue({}) == {}
