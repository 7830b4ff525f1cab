"""One request, where somebody waits for the answer: what an invocation costs that brings a single record."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, AppSyncResolver
from aws_lambda_powertools.metrics import MetricUnit
from lambda_context import CONTEXT
from msgspec import Struct
from ours import STACK, composed_run
from rounds import Case
from sample_events import order
from table import Goal

from worker_runtime import ApiGateway, AppSync, worker
from worker_runtime.testing import field_event, http_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from rounds import Candidate

REQUESTS = 200  # one alone is too short to be timed


class Asked(Struct):
    id: str
    kind: str
    amount: int


@worker(AppSync("Query.order"), stack=STACK, timeout_s=10)
def resolve(asked: Asked) -> dict[str, Any]:
    """Answer with what was asked for."""
    return {"id": asked.id, "kind": asked.kind, "amount": asked.amount}


@worker(ApiGateway("POST /orders", endpoint="http"), stack=STACK, timeout_s=10)
def place(asked: Asked) -> dict[str, Any]:
    """Answer with what was asked for."""
    return {"id": asked.id, "kind": asked.kind, "amount": asked.amount}


def cases() -> list[Case]:
    """List both, each beside Powertools' resolver with Logger and Metrics on, as ours has them."""
    return [
        Case(
            f"AppSync, {REQUESTS} requests, one at a time",
            json.dumps(field_event(order(1), field="Query.order")),
            _repeated(composed_run(resolve)),
            {"Powertools, AppSyncResolver": _repeated(_appsync())},
            Goal(1),
        ),
        Case(
            f"HTTP API, {REQUESTS} requests, one at a time",
            json.dumps(http_event(order(1), route="POST /orders", v2=True)),
            _repeated(composed_run(place)),
            {"Powertools, APIGatewayHttpResolver": _repeated(_http())},
            Goal(1),
        ),
    ]


def _repeated(handler: Callable[[Any, Any], Any]) -> Candidate:
    def invoke(event: Any) -> None:
        for _ in range(REQUESTS):
            reply = handler(event, CONTEXT)
        said = json.dumps(reply)
        if "order.placed" not in said:
            raise AssertionError(f"the request failed: {said}")

    return invoke


def _appsync() -> Callable[[Any, Any], Any]:
    app = AppSyncResolver()  # type: ignore[no-untyped-call]  # its constructor has no annotations

    @app.resolver(type_name="Query", field_name="order")
    def resolve_order(id: str, kind: str, amount: int, **_others: Any) -> dict[str, Any]:  # noqa: A002 - the argument's name
        return {"id": id, "kind": kind, "amount": amount}

    return _observed(app.resolve)


def _http() -> Callable[[Any, Any], Any]:
    app = APIGatewayHttpResolver()

    @app.post("/orders")
    def place_order() -> dict[str, Any]:
        body = app.current_event.json_body
        return {"id": body["id"], "kind": body["kind"], "amount": body["amount"]}

    return _observed(app.resolve)


def _observed(resolve: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    logger = Logger(service="bench", stream=io.StringIO())
    metrics = Metrics(namespace="bench", service="bench")

    @logger.inject_lambda_context
    @metrics.log_metrics
    def handler(event: dict[str, Any], context: Any) -> Any:
        reply = resolve(event, context)
        metrics.add_metric(name="RecordsReceived", unit=MetricUnit.Count, value=1)
        logger.info("1 records")
        return reply

    return handler
