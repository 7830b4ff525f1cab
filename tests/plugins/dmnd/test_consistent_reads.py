"""What workers act upon is read consistently: a stale read would send twice, or miss a receipt.

No emulator is ever stale, so the requests themselves are looked at.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime import Environment, Metrics
from worker_runtime.clients import aws
from worker_runtime.clients.dynamodb import Table
from worker_runtime.local.stage.parts.http_server import Response
from worker_runtime.local.stage.parts.stand_in import StandIn
from workers_dmnd.adapters.demands import DemandsTable
from workers_dmnd.adapters.events import EventsTable
from workers_dmnd.adapters.generated import GeneratedTable
from workers_dmnd.adapters.notifications import NotificationsTable
from workers_dmnd.adapters.receipts import ReceiptsTable
from workers_dmnd.adapters.sales import SalesTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker_runtime.local.stage.parts.http_server import Request

READS: dict[str, Callable[[Table], object]] = {
    "an event": lambda table: EventsTable(table).find("e1"),
    "a sale": lambda table: SalesTable(table).find("e1", "s1"),
    "a demand": lambda table: DemandsTable(table).find("u1", event_id="e1", sale_id="s1"),
    "a notification": lambda table: NotificationsTable(table).find("n1"),
    "a pointer": lambda table: ReceiptsTable(table).pointer("m1"),
    "a parked receipt": lambda table: ReceiptsTable(table).parked("m1"),
    "what is generated": lambda table: GeneratedTable(table, metrics=unread()).present(["n1", "n2"]),
}


class EmptyDynamoDb(StandIn):
    """Has no item, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[dict[str, Any]] = []

    def handle(self, request: Request) -> Response:
        self.asked.append(request.json())
        return Response.json({"Responses": {}, "UnprocessedKeys": {}})


def unread() -> Metrics:
    return Metrics(plugin="dmnd", worker="dmnd.test", environment=Environment())


@pytest.fixture
def dynamodb() -> Iterator[EmptyDynamoDb]:
    before = dict(os.environ)
    with EmptyDynamoDb() as running:
        os.environ |= {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": running.url,
        }
        aws.forget()
        try:
            yield running
        finally:
            aws.forget()
            os.environ.clear()
            os.environ.update(before)


@pytest.mark.parametrize("what", READS)
def test_what_is_acted_upon_is_read_as_it_is_now(dynamodb: EmptyDynamoDb, what: str) -> None:
    READS[what](Table("demand"))

    (asked,) = dynamodb.asked
    assert asked.get("RequestItems", {"demand": asked})["demand"]["ConsistentRead"] is True
