"""What tests of workers are written with: events as Lambda sends them, a sender that remembers.

A plain call with fakes is the unit test of a worker; ``run_on`` runs one on a whole event.
"""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import md5
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import Struct

from worker_runtime import clock
from worker_runtime.clock import SteppedClock
from worker_runtime.dynamodb_json import dumps_item
from worker_runtime.invocation import Invocation
from worker_runtime.loading import LoadedWorker, routes
from worker_runtime.middleware.metrics import Metrics
from worker_runtime.runtime import run
from worker_runtime.services import Provided, Services
from worker_runtime.settings import Environment
from worker_runtime.sources.schedule import Schedule
from worker_runtime.sources.ticks import tick

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker_runtime.clients.sqs import Message
    from worker_runtime.effects import Sender, Spill
    from worker_runtime.local.stage.parts.http_server import Request, Response
    from worker_runtime.local.stage.parts.routes import Routes
    from worker_runtime.local.stage.parts.stand_in import StandIn
    from worker_runtime.middleware import Middleware
    from worker_runtime.workers import Worker
else:
    _PARTS = {"Request": "http_server", "Response": "http_server", "Routes": "routes", "StandIn": "stand_in"}

    def __getattr__(name: str) -> object:
        if name not in _PARTS:
            raise AttributeError(f"worker_runtime.testing has no {name!r}")
        from importlib import import_module  # noqa: PLC0415 - only who stands in for a service pays

        return getattr(import_module(f"worker_runtime.local.stage.parts.{_PARTS[name]}"), name)


__all__ = [
    "RecordingSender",
    "Request",
    "Response",
    "Routes",
    "StandIn",
    "SteppedClock",
    "change",
    "kinesis_event",
    "kinesis_record",
    "message",
    "ready",
    "run_on",
    "schedule_event",
    "sqs_event",
    "table_event",
]

REGION = "us-east-1"
ACCOUNT = "000000000000"


class RecordingSender:
    """A sender that remembers what it was given; queues named in ``broken`` take nothing."""

    def __init__(self, *, broken: Sequence[str] = ()) -> None:
        self.sent: list[tuple[str, Message]] = []
        self.hidden: dict[str, int] = {}
        self.spilled: dict[str, bytes] = {}
        self._broken = broken

    def send(self, queue: str, messages: Sequence[Message]) -> list[Exception | None]:
        """Remember messages by queue."""
        if queue in self._broken:
            return [ConnectionError(f"{queue} is out of reach")] * len(messages)
        self.sent.extend((queue, each) for each in messages)
        return [None] * len(messages)

    def change_visibility(self, queue: str, changes: Sequence[tuple[str, int]]) -> list[Exception | None]:
        """Remember seconds by receipt handle."""
        if queue in self._broken:
            return [ConnectionError(f"{queue} is out of reach")] * len(changes)
        self.hidden.update(changes)
        return [None] * len(changes)

    def spill(self, spill: Spill) -> Exception | None:
        """Remember data by key."""
        if spill.bucket in self._broken:
            return ConnectionError(f"{spill.bucket} is out of reach")
        self.spilled[spill.key] = spill.data
        return None


class Context(Struct, frozen=True):
    """Lambda's context as far as the runtime reads it."""

    remaining_s: float = 60
    aws_request_id: str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
    function_name: str = "test"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the time-out."""
        return int(self.remaining_s * 1000)


def message(  # noqa: PLR0913 - a message has as many parts, all but its body optional
    body: Any,
    *,
    at: int = 0,
    queue: str = "queue",
    group: str | None = None,
    receives: int = 1,
    attributes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Build one SQS record; a body that is no text becomes JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    system = {
        "ApproximateReceiveCount": str(receives),
        "SentTimestamp": str(int(clock.now() * 1000)),
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
        "ApproximateFirstReceiveTimestamp": str(int(clock.now() * 1000)),
    }
    if group is not None:
        system |= {"MessageGroupId": group, "SequenceNumber": f"{at:020}", "MessageDeduplicationId": str(at)}
    return {
        "messageId": str(UUID(int=at, version=4)),
        "receiptHandle": f"receipt-{at}",
        "body": text,
        "attributes": system,
        "messageAttributes": {
            name: {"stringValue": value, "stringListValues": [], "binaryListValues": [], "dataType": "String"}
            for name, value in (attributes or {}).items()
        },
        "md5OfBody": md5(text.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
        "awsRegion": REGION,
    }


def sqs_event(*bodies: Any, queue: str = "queue", group: str | None = None) -> dict[str, Any]:
    """Build the event of an SQS batch, one message a body."""
    return {"Records": [message(each, at=at, queue=queue, group=group) for at, each in enumerate(bodies)]}


def change(
    *,
    new: Mapping[str, Any] | None = None,
    old: Mapping[str, Any] | None = None,
    keys: Sequence[str] = ("PK", "SK"),
    table: str = "table",
    at: int = 0,
) -> dict[str, Any]:
    """Build one DynamoDB Streams record of a change from ``old`` to ``new`` (plain items)."""
    item = new if new is not None else old or {}
    images = {"NewImage": new, "OldImage": old}
    return {
        "eventID": f"{at:032x}",
        "eventName": "REMOVE" if new is None else "INSERT" if old is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "ApproximateCreationDateTime": clock.now(),
            "Keys": dumps_item({name: item[name] for name in keys if name in item}),
            **{name: dumps_item(image) for name, image in images.items() if image is not None},
            "SequenceNumber": str(100_000_000_000_000_000_000 + at),
            "SizeBytes": 1,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/2026-01-01T00:00:00.000",
    }


def table_event(*changes: Mapping[str, Any]) -> dict[str, Any]:
    """Build the event of a table stream's batch."""
    return {"Records": list(changes)}


def kinesis_record(
    data: Any, *, at: int = 0, stream: str = "stream", partition_key: str = "1"
) -> dict[str, Any]:
    """Build one Kinesis record; data that is neither bytes nor text becomes JSON."""
    text = data if isinstance(data, bytes | str) else json.dumps(data)
    encoded = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
    sequence = str(49_590_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000 + at)
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": partition_key,
            "sequenceNumber": sequence,
            "data": b64encode(encoded).decode(),
            "approximateArrivalTimestamp": round(clock.now(), 3),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/test",
        "awsRegion": REGION,
        "eventSourceARN": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{stream}",
    }


def kinesis_event(*data: Any, stream: str = "stream", partition_key: str = "1") -> dict[str, Any]:
    """Build the event of a Kinesis batch, one record a datum."""
    return {
        "Records": [
            kinesis_record(each, at=at, stream=stream, partition_key=partition_key)
            for at, each in enumerate(data)
        ]
    }


def schedule_event(
    payload: Mapping[str, Any] | None = None, *, rule: str = "rule", timezone: str | None = None
) -> Any:
    """Build what a schedule sends: its payload, else a rule's tick (with ``timezone`` a Scheduler's)."""
    schedule = Schedule("rate(1 minute)", payload=payload, rule=rule, timezone=timezone)
    return tick(schedule, at=clock.now(), region=REGION, account=ACCOUNT)


def ready(
    worker: Worker[..., Any],
    *,
    services: Mapping[type, Any] | None = None,
    middleware: tuple[Middleware, ...] = (),
    worker_id: str | None = None,
) -> LoadedWorker:
    """Make a worker ready without a plugin; ``services`` are objects by the type they are asked for."""
    worker_id = worker_id or f"test.{worker.declaration.name}"
    metrics = Metrics(plugin="test", worker=worker_id, environment=Environment())
    offers = [
        Provided(Invocation, Invocation, {}),
        Provided(Metrics, lambda: metrics, {}),
        *(Provided(kind, lambda made=made: made, {}) for kind, made in (services or {}).items()),
    ]
    offered = Services(offers)
    offered.check(worker.declaration.services, who=worker_id)
    return LoadedWorker(
        id=worker_id,
        declaration=worker.declaration,
        distribution="test",
        version="0",
        routes=routes(worker, offered, middleware),
        services=offered,
        middleware=middleware,
        metrics=metrics,
    )


def run_on(
    worker: Worker[..., Any],
    event: Any,
    *,
    services: Mapping[type, Any] | None = None,
    sender: Sender | None = None,
    remaining_s: float = 60,
) -> Any:
    """Run a worker on a whole event; return the reply that Lambda would get, or raise what it would see."""
    prepared = ready(worker, services=services)
    context = Context(remaining_s=remaining_s)
    return run(prepared, event, context=context, sender=sender or RecordingSender())
