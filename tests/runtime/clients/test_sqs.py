from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from worker_runtime.clients import aws
from worker_runtime.clients.sqs import Attribute, Message, Queue, Visibility, attributes_of, size_of
from worker_runtime.errors import Halt, Retry, ServiceRefused
from worker_runtime.invocation import invoked
from worker_runtime.local.stage.parts.http_server import Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from worker_runtime.local.stage.parts.stand_in import StandIn

    Cloud = Callable[[str], Any]
    Answering = Callable[..., AbstractContextManager[StandIn]]


def received(url: str, *, wanted: int) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    ends_at = time.monotonic() + 5
    while len(messages) < wanted and time.monotonic() < ends_at:
        answer = aws.client("sqs").receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
            WaitTimeSeconds=1,
        )
        messages += answer.get("Messages", [])
    return messages


def test_every_message_arrives(queue_url: str) -> None:
    results = Queue(queue_url).send([Message(f"{n}") for n in range(23)])

    assert results == [None] * 23
    assert sorted(int(message["Body"]) for message in received(queue_url, wanted=23)) == list(range(23))


def test_the_attributes_of_a_lambda_record_arrive_as_they_were(queue_url: str) -> None:
    given: dict[str, dict[str, Any]] = {
        "name": {"stringValue": "Élan", "dataType": "String", "stringListValues": [], "binaryListValues": []},
        "count": {"stringValue": "12.50", "dataType": "Number.float"},
        "picture": {"binaryValue": base64.b64encode(b"\x00\xff").decode(), "dataType": "Binary.png"},
    }

    Queue(queue_url).send_one(Message("x", attributes_of(given)))

    (message,) = received(queue_url, wanted=1)
    assert message["MessageAttributes"] == {
        "name": {"StringValue": "Élan", "DataType": "String"},
        "count": {"StringValue": "12.50", "DataType": "Number.float"},
        "picture": {"BinaryValue": b"\x00\xff", "DataType": "Binary.png"},
    }


class Context:
    """What Lambda hands over."""

    aws_request_id = "request-1"
    function_name = "f"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def test_a_message_carries_the_current_correlation_id(queue_url: str) -> None:
    with invoked(Context()):
        Queue(queue_url).send([Message("mine"), Message("given", {"correlationId": "theirs"})])

    carried = {
        message["Body"]: message["MessageAttributes"]["correlationId"]["StringValue"]
        for message in received(queue_url, wanted=2)
    }
    assert carried == {"mine": "request-1", "given": "theirs"}


def test_a_message_stays_as_it_is_where_correlation_is_not_wanted_or_has_no_room(queue_url: str) -> None:
    full = {f"a{n}": "x" for n in range(10)}

    with invoked(Context()):
        Queue(queue_url, correlated=False).send_one(Message("plain"))
        Queue(queue_url).send_one(Message("full", full))

    names = {
        message["Body"]: set(message.get("MessageAttributes", {}))
        for message in received(queue_url, wanted=2)
    }
    assert names == {"plain": set(), "full": set(full)}


def test_an_attribute_in_plain_text_is_a_string(queue_url: str) -> None:
    Queue(queue_url).send_one(Message("x", {"kind": "event"}))

    (message,) = received(queue_url, wanted=1)
    assert message["MessageAttributes"] == {"kind": {"StringValue": "event", "DataType": "String"}}


def test_a_trace_header_travels_as_the_systems_attribute(answering: Answering) -> None:
    receiver = Receiver()  # the emulator drops it from batches
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793"

    with answering(SendMessageBatch=receiver.send):
        Queue("http://q").send_one(Message("x", trace_header=trace))

    (entry,) = receiver.entries
    assert entry["MessageSystemAttributes"] == {
        "AWSTraceHeader": {"DataType": "String", "StringValue": trace}
    }


def test_a_delayed_message_is_not_there_yet(queue_url: str) -> None:
    Queue(queue_url).send_one(Message("later", delay_s=900))

    counts = aws.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == "0"
    assert counts["ApproximateNumberOfMessagesDelayed"] == "1"


def test_a_group_keeps_its_order(cloud: Cloud) -> None:
    url = cloud("sqs").create_queue(QueueName=f"{uuid4().hex[:8]}.fifo", Attributes={"FifoQueue": "true"})[
        "QueueUrl"
    ]

    Queue(url).send([Message(f"{n}", group_id="g", deduplication_id=f"d{n}") for n in range(12)])

    assert [message["Body"] for message in received(url, wanted=10)][:10] == [f"{n}" for n in range(10)]


def test_a_missing_queue_is_a_halt_for_every_message(cloud: Cloud) -> None:
    url = f"{cloud('sqs').meta.endpoint_url}/000000000000/no-such-queue"

    results = Queue(url).send([Message("a"), Message("b")])

    assert [type(result) for result in results] == [Halt, Halt]
    assert all("sqs SendMessageBatch of no-such-queue: " in str(result) for result in results)


class Receiver:
    """A queue that answers a batch entry by entry as its body says."""

    def __init__(self, *, refuse_call: Callable[[list[str]], Response | None] = lambda _: None) -> None:
        self.calls: list[list[str]] = []
        self.entries: list[dict[str, Any]] = []
        self.refuse_call = refuse_call

    def send(self, request: dict[str, Any]) -> Response:
        bodies = [entry["MessageBody"] for entry in request["Entries"]]
        self.calls.append(bodies)
        if refused := self.refuse_call(bodies):
            return refused
        self.entries += request["Entries"]
        return Response.json(
            {"Successful": [], "Failed": [f for e in request["Entries"] for f in self._failed(e)]}
        )

    def _failed(self, entry: dict[str, Any]) -> list[dict[str, Any]]:
        faults = {"bad": ("InvalidMessageContents", True), "busy": ("InternalError", False)}
        code, is_senders = faults.get(entry["MessageBody"], ("", False))
        return [{"Id": entry["Id"], "Code": code, "SenderFault": is_senders}] if code else []


def test_each_failed_entry_is_told_at_its_position(answering: Answering) -> None:
    receiver = Receiver()
    bodies = ["ok"] * 10 + ["bad", "ok", "busy"]

    with answering(SendMessageBatch=receiver.send):
        results = Queue("http://q").send([Message(body) for body in bodies])

    assert [at for at, result in enumerate(results) if result] == [10, 12]
    assert isinstance(results[10], ServiceRefused)
    assert results[10].code == "INVALID_MESSAGE_CONTENTS"
    assert isinstance(results[12], Retry)


def test_a_failed_call_fails_its_own_messages_only(answering: Answering) -> None:
    receiver = Receiver(
        refuse_call=lambda bodies: (
            Response.json({"__type": "AccessDenied"}, status=403) if "10" in bodies else None
        )
    )

    with answering(SendMessageBatch=receiver.send):
        results = Queue("http://q").send([Message(f"{n}") for n in range(25)])

    assert [type(result) for result in results] == [type(None)] * 10 + [Halt] * 10 + [type(None)] * 5


def test_one_message_that_spoils_a_call_fails_alone(answering: Answering) -> None:
    receiver = Receiver(
        refuse_call=lambda bodies: (
            Response.json({"__type": "InvalidParameterValueException"}, status=400)
            if "poison" in bodies
            else None
        )
    )

    with answering(SendMessageBatch=receiver.send):
        results = Queue("http://q").send([Message("a"), Message("poison"), Message("b")])

    assert [type(result) for result in results] == [type(None), ServiceRefused, type(None)]
    assert [entry["MessageBody"] for entry in receiver.entries] == ["a", "b"]


def test_a_call_holds_no_more_bytes_than_sqs_takes(answering: Answering) -> None:
    receiver = Receiver()
    messages = [Message("x" * 400_000, {"a": "b"}) for _ in range(5)]

    with answering(SendMessageBatch=receiver.send):
        Queue("http://q").send(messages)

    assert [len(call) for call in receiver.calls] == [2, 2, 1]


@pytest.mark.parametrize(
    "spoilt",
    [
        Message("lone \ud800"),
        Message("\uffff"),
        Message("bell \x07"),
        Message("x", {"name": "\udc00"}),
        Message("x", {"name\x00": "v"}),
        Message(None),  # type: ignore[arg-type] # as a malformed record has it
        Message("x", {"name": 7}),  # type: ignore[dict-item] # the same
    ],
    ids=ascii,
)
def test_a_text_that_sqs_cannot_take_is_rejected_and_the_others_are_sent(
    answering: Answering, spoilt: Message
) -> None:
    receiver = Receiver()

    with answering(SendMessageBatch=receiver.send):
        results = Queue("http://q").send([Message("first"), spoilt, Message("tab\tand line\n \U0001f600")])

    assert [type(result) for result in results] == [type(None), ServiceRefused, type(None)]
    assert str(results[1]).startswith("UNSENDABLE: sqs: ")
    assert receiver.calls == [["first", "tab\tand line\n \U0001f600"]]


def test_behind_a_text_that_sqs_cannot_take_its_group_waits(answering: Answering) -> None:
    receiver = Receiver()
    bodies, groups = ["before", "\ud800", "behind", "other"], "gggh"

    with answering(SendMessageBatch=receiver.send):
        results = Queue("http://q.fifo").send(
            [
                Message(body, group_id=group, deduplication_id=str(at))
                for at, (body, group) in enumerate(zip(bodies, groups, strict=True))
            ]
        )

    assert receiver.calls == [["before", "other"]]
    assert [type(result) for result in results] == [type(None), ServiceRefused, Retry, type(None)]


def test_a_group_that_failed_is_not_sent_on_out_of_order(answering: Answering) -> None:
    receiver = Receiver()
    bodies = ["ok"] * 9 + ["busy", "late", "other"]
    groups = ["g"] * 11 + ["h"]

    with answering(SendMessageBatch=receiver.send):
        results = Queue("http://q.fifo").send(
            [
                Message(body, group_id=group, deduplication_id=body)
                for body, group in zip(bodies, groups, strict=True)
            ]
        )

    assert receiver.calls[1] == ["other"]
    assert [type(result) for result in results] == [type(None)] * 9 + [Retry, Retry, type(None)]


def test_sending_one_raises_its_verdict(answering: Answering) -> None:
    with answering(SendMessageBatch=Receiver().send):
        queue = Queue("http://q")

        with pytest.raises(ServiceRefused, match="INVALID_MESSAGE_CONTENTS"):
            queue.send_one(Message("bad"))


def test_a_size_counts_body_names_types_and_values() -> None:
    message = Message("é", {"name": "vé", "raw": Attribute(b"\x00\x01", "Binary")})

    assert size_of(message) == 2 + (4 + 6 + 3) + (3 + 6 + 2)


def test_a_received_message_is_hidden_as_long_as_asked(queue_url: str) -> None:
    queue = Queue(queue_url)
    queue.send([Message("a"), Message("b")])
    handles = {message["Body"]: message["ReceiptHandle"] for message in received(queue_url, wanted=2)}

    results = queue.change_visibility([Visibility(handles["a"], 0), Visibility(handles["b"], 99_999)])

    assert results == [None, None]
    assert [message["Body"] for message in received(queue_url, wanted=1)] == ["a"]


def test_visibility_is_told_by_position_and_capped_below_twelve_hours(answering: Answering) -> None:
    asked: list[dict[str, Any]] = []

    def change(request: dict[str, Any]) -> Response:
        asked.extend(request["Entries"])
        gone = [entry["Id"] for entry in request["Entries"] if entry["ReceiptHandle"] == "gone"]
        failed = [{"Id": at, "Code": "ReceiptHandleIsInvalid", "SenderFault": True} for at in gone]
        return Response.json({"Successful": [], "Failed": failed})

    with answering(ChangeMessageVisibilityBatch=change) as service:
        results = Queue("http://q").change_visibility([("fine", 90_000)] * 11 + [("gone", 5)])

    assert [at for at, result in enumerate(results) if result] == [11]
    assert service.count() == 2
    assert {entry["VisibilityTimeout"] for entry in asked} == {42_000, 5}
