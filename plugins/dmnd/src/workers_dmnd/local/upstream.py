"""Upstream's hand in the demand table: it puts events, edits them, and knows nothing of links."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from worker_runtime.clock import Clock
    from workers_dmnd.local.short_links.event_items import EventItem


class Upstream:
    """Writes event items straight to the table, past all workers."""

    def __init__(self, dynamodb: DynamoDBClient, *, table: str, clock: Clock) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock

    def put(self, item: EventItem) -> None:
        """Put an event as it comes."""
        now = self._now()
        whole = {**item.keys, **item.put, "createdAt": now, "updatedAt": now}
        self._dynamodb.put_item(TableName=self._table, Item=_typed(whole))

    def edit(self, item: EventItem, change: Mapping[str, Any]) -> None:
        """Set some attributes of an event and leave the others, a link among them, as they are."""
        changed = {**change, "updatedAt": self._now()}
        names = {f"#{at}": name for at, name in enumerate(changed)}
        values = {f":{at}": value for at, value in enumerate(changed.values())}
        sets = ", ".join(f"{name} = {value}" for name, value in zip(names, values, strict=True))
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_typed(item.keys),
            UpdateExpression=f"SET {sets} ADD version :one",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=_typed({**values, ":one": 1}),
        )

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
