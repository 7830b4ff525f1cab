"""Upstream's hand in the demand table: it puts events, sales and demands, and edits them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from worker_runtime.clock import Clock
    from workers_dmnd.local.short_links.event_items import EventItem

_PUTS_A_CALL: Final = 25  # BatchWriteItem's limit


class Upstream:
    """Writes items straight to the table, past all workers."""

    def __init__(self, dynamodb: DynamoDBClient, *, table: str, clock: Clock) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock

    def put(self, item: EventItem) -> None:
        """Put an event as it comes, unless it is there."""
        now = self._now()
        self.put_missing([{**item.keys, **item.put, "createdAt": now, "updatedAt": now}])

    def put_missing(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Put those items that are not there."""
        for item in items:
            with suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
                self._dynamodb.put_item(
                    TableName=self._table,
                    Item=_typed(item),
                    ConditionExpression="attribute_not_exists(PK)",
                )

    def put_whole(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Put items of any kind as they are, as many calls as it takes."""
        for start in range(0, len(items), _PUTS_A_CALL):
            puts = [{"PutRequest": {"Item": _typed(item)}} for item in items[start : start + _PUTS_A_CALL]]
            asked: Any = {self._table: puts}
            while asked:
                asked = self._dynamodb.batch_write_item(RequestItems=asked)["UnprocessedItems"]

    def edit(self, item: EventItem, change: Mapping[str, Any]) -> None:
        """Set some attributes of an event and leave the others, a link among them, as they are."""
        self.change(item.keys, change)

    def change(self, keys: Mapping[str, str], change: Mapping[str, Any]) -> None:
        """Set some attributes of an item and leave the others as they are."""
        changed = {**change, "updatedAt": self._now()}
        names = {f"#{at}": name for at, name in enumerate(changed)}
        values = {f":{at}": value for at, value in enumerate(changed.values())}
        sets = ", ".join(f"{name} = {value}" for name, value in zip(names, values, strict=True))
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_typed(keys),
            UpdateExpression=f"SET {sets} ADD version :one",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=_typed({**values, ":one": 1}),
        )

    def find(self, keys: Mapping[str, str]) -> dict[str, Any]:
        """Read one item; KeyError where there is none."""
        found = self._dynamodb.get_item(TableName=self._table, Key=_typed(keys), ConsistentRead=True)
        return _plain(found["Item"])

    def items(self) -> list[dict[str, Any]]:
        """Read the whole table."""
        return [_plain(item) for page in self._pages(ConsistentRead=True) for item in page["Items"]]

    def links(self) -> int:
        """Count the items that have a link, whoever set it."""
        pages = self._pages(Select="COUNT", FilterExpression="attribute_exists(shortUrl)")
        return sum(page["Count"] for page in pages)

    def _pages(self, **scan: Any) -> Iterator[Any]:
        yield from self._dynamodb.get_paginator("scan").paginate(TableName=self._table, **scan)

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock.now(), tz=UTC).isoformat(timespec="milliseconds")


def _typed(plain: Mapping[str, Any]) -> dict[str, Any]:
    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in plain.items()}


def _plain(typed: Mapping[str, Any]) -> dict[str, Any]:
    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in typed.items()}
