"""Which of several sources an event came from."""

from __future__ import annotations

from typing import Any

import pytest

from worker_runtime import ApiGateway, AppSync, Invoke, Schedule, Sqs
from worker_runtime.errors import UnrecognisedEvent
from worker_runtime.routing import route
from worker_runtime.testing import field_event, http_event, sqs_event

FIELDS = (AppSync("Query.order"), AppSync("Query.orders"))
ROUTES = (ApiGateway("GET /public"), ApiGateway("DELETE /admin"))
URLS = (ApiGateway("GET /orders", endpoint="url"), ApiGateway("POST /orders/{id}", endpoint="url"))
QUEUES = (Sqs("orders", dead_letters="d"), Sqs("late-orders", dead_letters="d"))


def at_url(asked: str) -> Any:
    """Make what a function URL sends: it names no route."""
    return {**http_event(route=asked, v2=True), "routeKey": "$default"}


def kind_and_name(sources: Any, event: Any) -> str:
    found = route(sources, event, worker="shop.work")
    return f"{found.kind} {found.name}"


@pytest.mark.parametrize(
    ("sources", "event", "found"),
    [
        (FIELDS, field_event({}, field="Query.orders"), "appsync Query.orders"),
        (ROUTES, http_event(route="DELETE /admin"), "api_gateway DELETE /admin"),
        (QUEUES, sqs_event({}, queue="prod-late-orders"), "sqs late-orders"),
        (QUEUES, sqs_event({}, queue="elsewhere"), "sqs orders"),
        ((Schedule("rate(1 minute)"), *FIELDS), field_event({}, field="Query.order"), "appsync Query.order"),
        ((Invoke(), FIELDS[0]), field_event({}, field="Query.order"), "appsync Query.order"),
        ((Invoke(), *QUEUES), {"any": "thing"}, "invoke direct"),
        (URLS, at_url("POST /orders/7"), "api_gateway POST /orders/{id}"),
        (URLS, at_url("GET /other"), "api_gateway GET /orders"),
        ((ROUTES[0], URLS[1], Invoke()), at_url("GET /other"), "api_gateway POST /orders/{id}"),
    ],
    ids=[
        "field",
        "route",
        "longest name",
        "another queue",
        "a field, no payload",
        "asked last",
        "anything",
        "a path of a function URL",
        "any path of a function URL",
        "the function URL alone",
    ],
)
def test_the_source_that_the_event_names_takes_it(sources: Any, event: Any, found: str) -> None:
    assert kind_and_name(sources, event) == found


@pytest.mark.parametrize(
    ("sources", "event"),
    [
        (FIELDS, field_event({}, field="Query.other")),
        (ROUTES, http_event(route="DELETE /other")),
        (ROUTES, at_url("DELETE /other")),
        (URLS, http_event(route="GET /other", v2=True)),
        ((Schedule("rate(1 minute)"), FIELDS[0]), field_event({}, field="Query.other")),
        ((Invoke(), *FIELDS), field_event({}, field="Query.other")),
        (QUEUES, {"any": "thing"}),
    ],
    ids=[
        "field",
        "route",
        "no function URL",
        "an API's, not a function URL's",
        "no tick either",
        "no payload either",
        "nobody's",
    ],
)
def test_what_names_a_field_or_route_that_is_not_declared_runs_nothing(sources: Any, event: Any) -> None:
    with pytest.raises(UnrecognisedEvent, match=r"shop\.work takes "):
        kind_and_name(sources, event)
