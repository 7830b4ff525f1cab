"""Our side: workers as plugins declare them, run as Lambda's door runs them, logs and metrics on."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from lambda_context import CONTEXT
from msgspec import Struct

from worker_runtime import Change, Environment, Kinesis, Sqs, Stack, TableStream, worker
from worker_runtime.middleware.logging import configure_logging
from worker_runtime.runtime import composed
from worker_runtime.testing import RecordingSender, ready

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rounds import Candidate

    from worker_runtime.workers import Worker

STACK = Stack("bench")


class Order(Struct):
    id: str
    kind: str
    amount: int


class Sale(Struct):
    id: str
    name: str
    version: int


@worker(Sqs("orders", dead_letters="orders-dlq", batch_size=1000, window_s=1), stack=STACK)
def take_message(order: Order) -> None:
    """Read three fields."""
    _ = order.id, order.kind, order.amount


@worker(Kinesis("orders", dead_letters="orders-dlq", batch_size=1000), stack=STACK)
def take_datum(order: Order) -> None:
    """Read three fields."""
    _ = order.id, order.kind, order.amount


@worker(TableStream("sales", dead_letters="sales-dlq", batch_size=1000), stack=STACK)
def take_change(sale: Change[Sale]) -> None:
    """Read three fields of the new image."""
    if sale.new is not None:
        _ = sale.new.id, sale.new.name, sale.new.version


@worker(TableStream("sales", kinesis="sales", dead_letters="sales-dlq", batch_size=1000), stack=STACK)
def take_carried_change(sale: Change[Sale]) -> None:
    """Read three fields of the new image."""
    if sale.new is not None:
        _ = sale.new.id, sale.new.name, sale.new.version


@worker(Sqs("orders", dead_letters="orders-dlq", batch_size=1000, window_s=1), stack=STACK)
def take_text(_order: str) -> None:
    """Read nothing."""


def running(
    declared: Worker[..., Any], *, given: Mapping[type, Any] | None = None, **services: Any
) -> Candidate:
    """Compose a worker once, as INIT does; what is returned is one invocation.

    ``services`` are found by their own type, what is ``given`` by the type that it stands under.
    """
    run = composed_run(declared, given=given, **services)

    def invoke(event: Any) -> None:
        reply = run(event, CONTEXT)
        if reply != {"batchItemFailures": []}:
            raise AssertionError(f"a record failed: {reply}")

    return invoke


def composed_run(
    declared: Worker[..., Any], *, given: Mapping[type, Any] | None = None, **services: Any
) -> Callable[[Any, Any], Any]:
    """Compose a worker once; what is returned takes event and context, and returns the reply."""
    loaded = ready(declared, services={type(each): each for each in services.values()} | dict(given or {}))
    configure_logging(level="INFO", fields=loaded.log_fields(Environment()), stream=io.StringIO())
    return composed(loaded, sender=RecordingSender())
