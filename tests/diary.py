"""A journal written by hand: what tests of lineages tell instead of running a stage."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from worker_runtime.clock import SteppedClock
from worker_runtime.local.stage.execution.answers import Reply
from worker_runtime.local.stage.execution.invocations import Report, trace_part
from worker_runtime.local.stage.lineage.happenings import Called, Ended, HandedOver, Printed
from worker_runtime.local.stage.lineage.schema import open_to_read
from worker_runtime.local.stage.lineage.sqlite_journal import SqliteJournal
from worker_runtime.local.stage.polling.batches import AllDone
from worker_runtime.local.stage.polling.change_records import restaged
from worker_runtime.local.stage.polling.staged_records import StagedRecord, staged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from worker_runtime.local.stage.execution.answers import Answer
    from worker_runtime.local.stage.lineage.happenings import Happening
    from worker_runtime.local.stage.polling.batches import Reading

WORKER = "shop.ship"
KEYS = {"orders": ("PK", "SK")}
DONE = AllDone()


class Diary:
    """Notes what a test says has happened; time stands still unless the test moves ``clock``."""

    def __init__(self, folder: Path) -> None:
        self.clock = SteppedClock()
        self.journal = SqliteJournal(folder, clock=self.clock)
        self.journal.start()
        self._requests = 0

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return self.journal.file

    def note(self, happening: Happening) -> None:
        self.journal.note(happening)

    def invoke(
        self,
        *records: StagedRecord,
        worker: str = WORKER,
        does: Sequence[Callable[[str], Happening]] = (),
        answer: Answer | None = None,
        reading: Reading = DONE,
        request_id: str | None = None,
    ) -> str:
        """Tell an invocation from its begin to its end and return its request id."""
        self._requests += 1
        request_id = request_id or f"request-{self._requests}"
        self.note(HandedOver(worker, request_id, records))
        for happening in does:
            self.note(happening(request_id))
        answer = answer or Reply(b"{}")
        report = Report(request_id=request_id, answer=answer, duration_s=0.012)
        self.note(Ended(worker, request_id, report, reading))
        return request_id

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Look something up, all that was noted so far."""
        self.journal.flush()
        with closing(open_to_read(self.file)) as db:
            return [tuple(row) for row in db.execute(query)]

    def close(self) -> None:
        self.journal.stop()


def message(
    name: str, body: Any = "", *, queue: str = "orders-in", receives: int = 1, **said: str
) -> StagedRecord:
    """Make a queue's message; ``said`` are its message attributes."""
    text = body if isinstance(body, str) else json.dumps(body)
    arn = f"arn:aws:sqs:us-east-1:000000000000:{queue}"
    raw = {
        "messageId": name,
        "receiptHandle": f"receipt {name}",
        "body": text,
        "attributes": {"ApproximateReceiveCount": str(receives), "SentTimestamp": "1700000000000"},
        "messageAttributes": {
            attribute: {"stringValue": value, "dataType": "String"} for attribute, value in said.items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
    }
    return staged(name, raw, arrived_at=1_700_000_000.0)


def change(
    sequence: str,
    new: dict[str, Any] | None,
    *,
    key: str,
    old: dict[str, Any] | None = None,
    table: str = "orders",
) -> StagedRecord:
    """Make a change of an item whose key is ``key`` and ``meta``."""
    keys = {"PK": {"S": key}, "SK": {"S": "meta"}}
    images = {"NewImage": new, "OldImage": old}
    image = {name: {**keys, **each} for name, each in images.items() if each is not None}
    return restaged(
        {
            "eventName": "REMOVE" if new is None else "MODIFY",
            "eventSource": "aws:dynamodb",
            "eventSourceARN": f"arn:aws:dynamodb:us-east-1:000000000000:table/{table}/stream/2026",
            "dynamodb": {"SequenceNumber": sequence, "Keys": keys, **image},
        }
    )


def object_event(key: str, *, bucket: str = "parcels") -> bytes:
    """Make the event of an object that was stored."""
    entity = {
        "bucket": {"arn": f"arn:aws:s3:::{bucket}"},
        "object": {"key": quote_plus(key), "sequencer": "1"},
    }
    return json.dumps({"Records": [{"eventSource": "aws:s3", "s3": entity}]}).encode()


def topic_event(name: str) -> bytes:
    """Make the event of a message of the topic ``news``."""
    notification = {"MessageId": name, "TopicArn": "arn:aws:sns:us-east-1:0:news", "Message": "x"}
    record = {"EventSource": "aws:sns", "EventSubscriptionArn": "s", "Sns": notification}
    return json.dumps({"Records": [record]}).encode()


def bus_event(name: str) -> bytes:
    """Make an event of a bus."""
    return json.dumps(
        {"id": name, "detail-type": "d", "source": "shop", "resources": [], "detail": {}}
    ).encode()


def called(
    target: str, body: dict[str, Any], answer: dict[str, Any], *, status: int = 200
) -> Callable[[str], Called]:
    """Say that an invocation made a call to a service that speaks JSON."""

    def of(request_id: str) -> Called:
        return Called(
            trace=trace_part(request_id),
            request=f"POST / HTTP/1.1\r\nX-Amz-Target: {target}\r\n\r\n".encode(),
            body=json.dumps(body).encode(),
            answer=f"HTTP/1.1 {status} -\r\n\r\n{json.dumps(answer)}".encode(),
            keys=KEYS,
        )

    return of


def sent(name: str, body: Any = "", *, queue: str = "parcels", **said: str) -> Callable[[str], Called]:
    """Say that an invocation sent a message, which SQS calls ``name``."""
    attributes = {each: {"DataType": "String", "StringValue": value} for each, value in said.items()}
    text = body if isinstance(body, str) else json.dumps(body)
    call = {"QueueUrl": f"http://sqs/0/{queue}", "MessageBody": text, "MessageAttributes": attributes}
    return called("AmazonSQS.SendMessage", call, {"MessageId": name})


def stored(key: str, *, bucket: str = "parcels") -> Callable[[str], Called]:
    """Say that an invocation stored an object."""
    return lambda request_id: Called(
        trace=trace_part(request_id),
        request=f"PUT /{bucket}/{quote(key)} HTTP/1.1\r\n\r\n".encode(),
        body=b"x",
        answer=b"HTTP/1.1 200 OK\r\n\r\n",
        keys=KEYS,
    )


def published(name: str) -> Callable[[str], Called]:
    """Say that an invocation published a message to the topic ``news``, which SNS calls ``name``."""
    return lambda request_id: Called(
        trace=trace_part(request_id),
        request=b"POST / HTTP/1.1\r\n\r\n",
        body=b"Action=Publish&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A0%3Anews&Message=x",
        answer=f"HTTP/1.1 200 OK\r\n\r\n<MessageId>{name}</MessageId>".encode(),
        keys=KEYS,
    )


def put(key: str, **item: Any) -> Callable[[str], Called]:
    """Say that an invocation put an item of ``orders``."""
    whole = {"PK": {"S": key}, "SK": {"S": "meta"}, **item}
    return called("DynamoDB_20120810.PutItem", {"TableName": "orders", "Item": whole}, {})


def updated(key: str, **values: Any) -> Callable[[str], Called]:
    """Say that an invocation set attributes of an item of ``orders``."""
    call = {
        "TableName": "orders",
        "Key": {"PK": {"S": key}, "SK": {"S": "meta"}},
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in values),
        "ExpressionAttributeNames": {f"#{name}": name for name in values},
        "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
    }
    return called("DynamoDB_20120810.UpdateItem", call, {})


def printed(message: str, *, worker: str = WORKER, **fields: Any) -> Callable[[str], Printed]:
    """Say that a worker logged a line, as the runtime formats it."""
    line = json.dumps({"level": "INFO", "location": "here:1", "message": message, **fields})
    return lambda request_id: Printed(worker, request_id, line)
