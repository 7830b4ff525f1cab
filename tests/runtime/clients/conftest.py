"""Real servers for the clients: MiniStack, Redis, and services that speak AWS's JSON on loopback."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx  # noqa: F401 - here, so that no test measures the time of an import
import pytest
import redis  # noqa: F401 - the same
import tenacity  # noqa: F401 - the same

from worker_runtime import clock
from worker_runtime.clients import aws
from worker_runtime.local.stage.parts.emulator import Emulator
from worker_runtime.local.stage.parts.redis_server import RedisServer
from worker_runtime.local.stage.parts.stand_in import StandIn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from worker_runtime.local.stage.parts.http_server import Request, Response

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


class JsonService(StandIn):
    """Answers each AWS JSON operation with what the test gave for it."""

    def __init__(self, answers: dict[str, Callable[[dict[str, Any]], Response]]) -> None:
        super().__init__()
        self._answers = answers

    def handle(self, request: Request) -> Response:
        operation = request.headers["x-amz-target"].rpartition(".")[2]
        return self._answers[operation](request.json())


@contextmanager
def aws_at(endpoint_url: str, **more: str) -> Iterator[None]:
    wanted = {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint_url, "AWS_EC2_METADATA_DISABLED": "true", **more}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        aws.forget()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture
def cloud(emulator: Emulator) -> Iterator[Callable[[str], Any]]:
    """Point the clients at the emulator; a plain client of a service is handed out by its name."""
    with aws_at(emulator.endpoint_url):
        yield aws.client


@pytest.fixture
def answering() -> Callable[..., AbstractContextManager[StandIn]]:
    """Point the clients at a service that answers each operation by a function of its request."""

    @contextmanager
    def answering(**answers: Callable[[dict[str, Any]], Response]) -> Iterator[StandIn]:
        with JsonService(answers) as service, aws_at(service.url):
            yield service

    return answering


@pytest.fixture
def pointed_at() -> Callable[..., AbstractContextManager[None]]:
    """Point the clients at a service of the test's own, by its URL."""
    return aws_at


@pytest.fixture
def stepped() -> Iterator[clock.SteppedClock]:
    """Let sleeps take no time."""
    stepped = clock.SteppedClock()
    with clock.using(stepped):
        yield stepped


@pytest.fixture
def table_name(cloud: Callable[[str], Any]) -> str:
    name = f"table-{uuid4().hex[:8]}"
    cloud("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": "S"} for key in ("PK", "SK", "GSI1PK", "GSI1SK")
        ],
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "GSI1",
                "KeySchema": [
                    {"AttributeName": "GSI1PK", "KeyType": "HASH"},
                    {"AttributeName": "GSI1SK", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    return name


@pytest.fixture
def queue_url(cloud: Callable[[str], Any]) -> str:
    url: str = cloud("sqs").create_queue(QueueName=f"queue-{uuid4().hex[:8]}")["QueueUrl"]
    return url


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running
