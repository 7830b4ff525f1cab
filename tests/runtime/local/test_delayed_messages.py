"""Messages that wait on the clock that jumps, as the gateway's calls to SQS meet them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime.local.stage.delayed_messages import DelayedMessages
from worker_runtime.local.stage.gateway import ApiAnswer, Passed
from worker_runtime.local.stage.sqs_calls import SqsCalls
from worker_runtime.local.stage.threads.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.local.stage.polling.visibility import VisibilityBook

BEGAN = 1_000.0
QUEUE = "http://127.0.0.1/0/queue"


class Held:
    """Calls on a stage whose threads take turns, and what was sent on and when."""

    def __init__(self, book: VisibilityBook) -> None:
        self.turns = Turns(speed=1, origin=BEGAN)
        self.sent: list[tuple[float, Any]] = []
        self.delayed = DelayedMessages(clock=self.turns.clock, threads=self.turns, send=self._send)
        self._calls = SqsCalls(book, clock=self.turns.clock, delayed=self.delayed)

    def _send(self, call: Any) -> str:
        self.sent.append((self.turns.clock.now() - BEGAN, call))
        return "later"

    def call(self, target: str, **body: Any) -> Any:
        given = {"QueueUrl": QUEUE, **body}
        return self._calls(f"AmazonSQS.{target}", json.dumps(given).encode())


class NoBook:
    """Keeps no queue."""

    def keeps(self, _: str) -> bool:
        return False


@pytest.fixture
def held() -> Iterator[Held]:
    made = Held(NoBook())  # type: ignore[arg-type]  # none of its messages are received
    with made.delayed:
        yield made


def test_a_delayed_message_is_sent_when_it_is_due_and_not_before(held: Held) -> None:
    answer = held.call("SendMessage", MessageBody="late", DelaySeconds=900)

    assert isinstance(answer, ApiAnswer)
    assert answer.body["MD5OfMessageBody"] == "f2c67381db28fa11c59fe7a6df0f2587"
    held.turns.clock.sleep(899)
    assert (held.sent, held.delayed.busy()) == ([], True)
    held.turns.clock.sleep(2)
    assert held.sent == [(900, {"QueueUrl": QUEUE, "MessageBody": "late"})]
    assert not held.delayed.busy()


def test_messages_are_sent_in_the_order_in_which_they_are_due(held: Held) -> None:
    held.call("SendMessage", MessageBody="b", DelaySeconds=20)
    held.call("SendMessage", MessageBody="a", DelaySeconds=10)

    held.turns.clock.sleep(60)

    assert [(at, call["MessageBody"]) for at, call in held.sent] == [(10, "a"), (20, "b")]


def test_a_message_without_a_delay_passes(held: Held) -> None:
    assert held.call("SendMessage", MessageBody="now") is None
    assert isinstance(held.call("SendMessage", MessageBody="now", DelaySeconds=0), Passed)


def test_of_a_batch_only_the_late_ones_are_held(held: Held) -> None:
    entries = [{"Id": "1", "MessageBody": "now"}, {"Id": "2", "MessageBody": "late", "DelaySeconds": 5}]

    answer = held.call("SendMessageBatch", Entries=entries)

    assert isinstance(answer, Passed)
    assert json.loads(answer.body)["Entries"] == entries[:1]
    assert answer.reword is not None
    told = answer.reword({"Successful": [{"Id": "1", "MessageId": "m"}], "Failed": []})
    assert [each["Id"] for each in told["Successful"]] == ["1", "2"]
    held.turns.clock.sleep(5)
    held.turns.clock.sleep(0.1)
    assert [call["MessageBody"] for _, call in held.sent] == ["late"]


def test_a_batch_of_late_ones_alone_is_answered_whole(held: Held) -> None:
    answer = held.call(
        "SendMessageBatch",
        Entries=[{"Id": "1", "MessageBody": "late", "DelaySeconds": 5, "MessageAttributes": {}}],
    )

    assert isinstance(answer, ApiAnswer)
    assert [each["Id"] for each in answer.body["Successful"]] == ["1"]
    held.turns.clock.sleep(6)
    assert held.sent == [(5, {"QueueUrl": QUEUE, "MessageBody": "late", "MessageAttributes": {}})]


def test_a_delay_that_sqs_refuses_is_refused(held: Held) -> None:
    answer = held.call("SendMessage", MessageBody="never", DelaySeconds=901)

    assert isinstance(answer, ApiAnswer)
    assert (answer.status, answer.body["__type"]) == (400, "InvalidParameterValue")


def test_what_is_held_is_sent_when_the_stage_is_taken_down(held: Held) -> None:
    held.call("SendMessage", MessageBody="late", DelaySeconds=900)

    held.delayed.stop()

    assert [call["MessageBody"] for _, call in held.sent] == ["late"]
