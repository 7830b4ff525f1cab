"""What tests of workers are written with: events as Lambda sends them, a sender that remembers.

A plain call with fakes is the unit test of a worker; ``run_on`` runs one on a whole event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from worker_runtime.clock import SteppedClock
from worker_runtime.events.api_gateway import http_event, token_event
from worker_runtime.events.appsync import authorizer_event, field_event, user_identity
from worker_runtime.events.event_bridge import event_bridge_event
from worker_runtime.events.firehose import firehose_event
from worker_runtime.events.kafka import kafka_event, kafka_record
from worker_runtime.events.kinesis import kinesis_event, kinesis_record
from worker_runtime.events.s3 import s3_event, s3_test_event
from worker_runtime.events.schedule import schedule_event
from worker_runtime.events.sns import notification, sns_event
from worker_runtime.events.sqs import message, sqs_event
from worker_runtime.events.table import change, table_event
from worker_runtime.invocation import Invocation
from worker_runtime.loading import LoadedWorker, routes
from worker_runtime.middleware.metrics import Metrics
from worker_runtime.runtime import run
from worker_runtime.services import Provided, Services
from worker_runtime.settings import Environment

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
    "authorizer_event",
    "change",
    "event_bridge_event",
    "field_event",
    "firehose_event",
    "http_event",
    "kafka_event",
    "kafka_record",
    "kinesis_event",
    "kinesis_record",
    "message",
    "notification",
    "ready",
    "run_on",
    "s3_event",
    "s3_test_event",
    "schedule_event",
    "sns_event",
    "sqs_event",
    "table_event",
    "token_event",
    "user_identity",
]


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
