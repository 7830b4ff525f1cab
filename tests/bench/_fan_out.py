"""One fan-out in a process of its own, so that its peak memory is its own: what ``fan_out`` runs."""

from __future__ import annotations

import json
import sys
import time
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boto3 import resource
from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from worker_runtime import Environment, Metrics
from worker_runtime.clients.dynamodb import Table
from worker_runtime.dynamodb_json import dumps_item
from worker_runtime.loading import load
from worker_runtime.runtime import run
from worker_runtime.testing import Context, RecordingSender
from workers_dmnd.adapters.generated import GeneratedTable
from workers_dmnd.adapters.recipients import RecipientsIndex
from workers_dmnd.fan_out import FanOut
from workers_dmnd.items import notification_item
from workers_dmnd.keys import (
    DUE_SALES,
    SHARDS,
    demand_index,
    demand_keys,
    event_keys,
    sale_keys,
)
from workers_dmnd.models import Demand
from workers_dmnd.new_notification import Announcement, new_notification
from workers_dmnd.policy import DAY_S, NotificationPolicy
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Item = dict[str, Any]

PAGE = 1_000
TABLE = environ.get("DEMAND_TABLE", "in-memory")
ANNOUNCEMENT = Announcement(
    event_id="e1",
    sale_id="s1",
    template_id="sale-open",
    vars={"eventName": "The Night Owls", "shortUrl": "https://bit.ly/e1", "saleName": "Presale"},
    notify_at=0,
)


def fan(at: int) -> Item:
    """Make a fan's demand."""
    user_id = f"u{at:06}"
    return {
        **demand_keys(user_id, event_id="e1", sale_id="s1"),
        **demand_index(user_id, sale_id="s1"),
        "type": "demand",
        "userId": user_id,
        "eventId": "e1",
        "saleId": "s1",
        "phone": "+12125550123",
        "email": "fan@example.com",
        "locale": "en-US",
        "notify": True,
        "optOut": False,
        "status": {"id": "ACTIVE"},
    }


def fill(fans: int) -> int:
    """Put a due sale and its fans."""
    now = timestamp(time.time())
    table = Table(TABLE)
    event = {"type": "event", "id": "e1", "name": "The Night Owls", "url": "https://www.ticketmaster.com/e1"}
    table.put({**event_keys("e1"), **event, "isSuppressed": False, "shortUrl": "https://bit.ly/e1"})
    sale = {"type": "sale", "saleId": "s1", "eventId": "e1", "name": "Presale", "templateId": "sale-open"}
    due = {"notifyAt": now, "status": {"id": "OPEN"}, "generation": {"id": "DUE"}}
    table.put({**sale_keys("e1", "s1"), **sale, **due, "GSI1PK": DUE_SALES, "GSI1SK": now})
    table.batch_put([fan(at) for at in range(fans)])
    return fans


def ours(_fans: int) -> int:
    """Run the worker as Lambda does."""
    loaded = load("dmnd.notificationGenerator", environment=Environment.read(environ))
    reply = run(loaded, {}, context=Context(remaining_s=300), sender=RecordingSender())
    return int(reply["written"])


def get_and_put(_fans: int) -> int:
    """Look for each fan's notification and put it where there is none: the plain loop, with boto3."""
    table = resource("dynamodb").Table(TABLE)
    written = 0
    for demand in _with_boto3(table):
        item = _item(demand)
        if "Item" not in table.get_item(Key=_keys(item), ConsistentRead=True):
            table.put_item(Item=item)
            written += 1
    return written


def put_if_absent(_fans: int) -> int:
    """Put each fan's notification on the condition that there is none, with boto3."""
    table = resource("dynamodb").Table(TABLE)
    written = 0
    for demand in _with_boto3(table):
        try:
            table.put_item(Item=_item(demand), ConditionExpression="attribute_not_exists(PK)")
            written += 1
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
    return written


def batch_writer(_fans: int) -> int:
    """Put all with boto3's batch writer, which would write over what was sent."""
    table = resource("dynamodb").Table(TABLE)
    written = 0
    with table.batch_writer() as batch:
        for demand in _with_boto3(table):
            batch.put_item(Item=_item(demand))
            written += 1
    return written


class InMemory(Table):
    """A table whose DynamoDB is a dict: all of the client but its calls."""

    def __init__(self, fans: int) -> None:
        super().__init__(TABLE)
        self._shards: dict[str, list[Item]] = {}
        self._stored: dict[str, Item] = {}
        for at in range(fans):
            item = dumps_item(fan(at))
            self._shards.setdefault(item["GSI2PK"]["S"], []).append(item)

    def _call_unnamed(self, operation: str, *, attempts: int = 3, **request: Any) -> Any:
        del attempts
        answers: dict[str, Callable[[Item], Item]] = {
            "query": self._page,
            "batch_get_item": self._found,
            "batch_write_item": self._written,
        }
        return answers[operation](request)

    def _page(self, request: Item) -> Item:
        shard = self._shards.get(request["ExpressionAttributeValues"][":pk"]["S"], [])
        start = int(request.get("ExclusiveStartKey", {}).get("at", 0))
        more = {"LastEvaluatedKey": {"at": start + PAGE}} if start + PAGE < len(shard) else {}
        return {"Items": shard[start : start + PAGE], **more}

    def _found(self, request: Item) -> Item:
        keys = [key["PK"]["S"] for key in request["RequestItems"][self.name]["Keys"]]
        found = [self._stored[key] for key in keys if key in self._stored]
        return {"Responses": {self.name: found}, "UnprocessedKeys": {}}

    def _written(self, request: Item) -> Item:
        for write in request["RequestItems"][self.name]:
            item = write["PutRequest"]["Item"]
            self._stored[item["PK"]["S"]] = item
        return {"UnprocessedItems": {}}


def own_share(fans: int) -> int:
    """Fan out over a table that answers at once: our own part of the work."""
    table, metrics = IN_MEMORY[fans], Metrics(plugin="bench", worker="bench", environment=Environment())
    fan_out = FanOut(
        recipients=RecipientsIndex(table),
        notifications=GeneratedTable(table, metrics=metrics),
        policy=NotificationPolicy(),
        metrics=metrics,
    )
    return sum(each.written for each in fan_out.over(ANNOUNCEMENT, made_in=1))


IN_MEMORY: dict[int, InMemory] = {}
CANDIDATES: dict[str, Callable[[int], int]] = {
    each.__name__: each for each in (fill, ours, get_and_put, put_if_absent, batch_writer, own_share)
}


def _with_boto3(table: Any) -> Iterator[Demand]:
    for shard in range(SHARDS):
        asked: Item = {
            "IndexName": "GSI2",
            "KeyConditionExpression": Key("GSI2PK").eq(f"SALE#s1#{shard}"),
        }
        while True:
            page = table.query(**asked)
            for item in page["Items"]:
                if item["notify"] and not item["optOut"] and item.get("phone"):
                    yield Demand(item["userId"], "e1", "s1", True, False, item["phone"], item["locale"])  # noqa: FBT003 - a row
            if "LastEvaluatedKey" not in page:
                break
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _item(demand: Demand) -> Item:
    now = time.time()
    made = new_notification(ANNOUNCEMENT, demand, now=now, expires_after_s=DAY_S)
    return notification_item(made, made_in=1, now=now, correlation_id=None)


def _keys(item: Item) -> Item:
    return {"PK": item["PK"], "SK": item["SK"]}


def memory_mb(what: str) -> float:
    """Read this process's own memory: ``VmRSS`` now, ``VmHWM`` at most (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{what}:"))


def main(candidate: str, fans: int) -> None:
    """Run one candidate and print what it took."""
    if candidate == "own_share":
        IN_MEMORY[fans] = InMemory(fans)
    before_mb = memory_mb("VmRSS")
    began, cpu_began = time.perf_counter(), time.process_time()
    written = CANDIDATES[candidate](fans)
    took = {"took_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu_began}
    sizes = {"peak_mb": memory_mb("VmHWM"), "grown_mb": memory_mb("VmHWM") - before_mb}
    sys.stderr.write(json.dumps({"written": written, **took, **sizes}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
