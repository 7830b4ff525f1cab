"""A whole table, read side by side."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime.clients import aws
from worker_runtime.clients.dynamodb import Table
from worker_runtime.errors import Halt
from worker_runtime.local.table_scan import TableSize, scan, table_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from worker_runtime.local.stage.parts.emulator import Emulator


@pytest.fixture
def table(emulator: Emulator, dynamodb: DynamoDBClient, unique: Callable[[str], str], cloud: None) -> Table:
    del emulator, cloud
    name = unique("scanned")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
    )
    return Table(name)


@pytest.fixture
def cloud(emulator: Emulator) -> Iterator[None]:
    before = dict(os.environ)
    wanted = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    os.environ.update({**wanted, "AWS_ENDPOINT_URL": emulator.endpoint_url})
    try:
        yield
    finally:
        aws.forget()
        os.environ.clear()
        os.environ.update(before)


class Seen:
    def __init__(self) -> None:
        self.items: list[Mapping[str, Any]] = []
        self.read = 0

    def __call__(self, items: Sequence[Mapping[str, Any]], read: int) -> None:
        self.items.extend(items)
        self.read += read


def test_every_item_that_fits_is_seen_once_and_all_that_were_read_are_counted(table: Table) -> None:
    for at in range(60):
        table.put({"PK": f"k{at}", "type": "cat" if at % 3 else "dog", "name": "x", "age": at})
    seen = Seen()

    scan(table.name, see=seen, attributes=("PK", "age"), where=("type", ("cat", "fish")))

    assert sorted(item["age"] for item in seen.items) == [at for at in range(60) if at % 3]
    assert seen.items[0].keys() == {"PK", "age"}
    assert seen.read == 60


def test_what_one_segment_meets_is_raised_and_ends_the_others(table: Table) -> None:
    table.put({"PK": "k", "type": "cat"})

    def see(items: Sequence[Mapping[str, Any]], _read: int) -> None:
        if items:
            raise ValueError("unreadable")

    with pytest.raises(ValueError, match="unreadable"):
        scan(table.name, see=see, attributes=("PK",), where=("type", ("cat",)))


@pytest.mark.usefixtures("cloud")
def test_a_table_that_is_not_there_is_a_halt() -> None:
    with pytest.raises(Halt, match="the name of the resource"):
        scan("nowhere", see=Seen(), attributes=("PK",), where=("type", ("cat",)))


def test_reading_a_table_costs_a_unit_for_each_begun_eight_kilobytes(table: Table) -> None:
    assert TableSize(items=3, size_bytes=8193).read_units == 2
    assert table_size(table.name).read_units == 0
