"""Real parts for the plugin's adapters: DynamoDB and SQS in an emulator, a Redis, Bitly's stand-in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from command import Workers
from operators import Operator
from worker_runtime import Environment, Metrics, clock
from worker_runtime.clients import aws
from worker_runtime.clients.dynamodb import Table
from worker_runtime.local.stage.parts.emulator import Emulator
from worker_runtime.local.stage.parts.redis_server import RedisServer
from worker_runtime.testing import SteppedClock
from workers_dmnd.local import DEMAND_TABLE
from workers_dmnd.local.bitly import BitlyStandIn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_dynamodb.type_defs import KeySchemaElementTypeDef

    from worker_runtime.local.offers import TableIndex


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture
def cloud(emulator: Emulator) -> Iterator[None]:
    """Point AWS clients at the emulator."""
    wanted = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": emulator.endpoint_url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    before = dict(os.environ)
    os.environ.update(wanted)
    try:
        yield
    finally:
        aws.forget()
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def table(cloud: None) -> Table:  # noqa: ARG001 - the emulator has to be there
    """Make an empty demand table with its indexes."""
    name = f"demand-{uuid4().hex[:8]}"
    attributes = ["PK", "SK", *(key for index in DEMAND_TABLE.indexes for key in keys_of(index))]
    aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in attributes],
        KeySchema=key_schema("PK", "SK"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": index.name,
                "KeySchema": key_schema(*keys_of(index)),
                "Projection": {"ProjectionType": "ALL"},
            }
            for index in DEMAND_TABLE.indexes
        ],
    )
    return Table(name)


@pytest.fixture
def operator(table: Table, emulator: Emulator, tmp_path: Path) -> Operator:
    """Let an operator work on the table."""
    return Operator(Workers(tmp_path), table, endpoint_url=emulator.endpoint_url)


def keys_of(index: TableIndex) -> tuple[str, str]:
    return index.hash_key, str(index.range_key)


def key_schema(hash_key: str, range_key: str) -> list[KeySchemaElementTypeDef]:
    return [
        {"AttributeName": hash_key, "KeyType": "HASH"},
        {"AttributeName": range_key, "KeyType": "RANGE"},
    ]


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def stepped() -> Iterator[SteppedClock]:
    """Let time pass only where the test says so."""
    stepped = SteppedClock(at=1_700_000_040.0)  # a full minute
    with clock.using(stepped):
        yield stepped


@pytest.fixture
def bitly(stepped: SteppedClock) -> Iterator[BitlyStandIn]:
    with BitlyStandIn(clock=stepped) as running:
        yield running


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(plugin="dmnd", worker="dmnd.test", environment=Environment())
