"""Real parts shared by the tests of the local stage: one emulator a session, clients for it."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest

from worker_runtime.local.stage.parts.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_sqs import SQSClient


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Serve one emulator to all tests of the session; a test names its resources ``unique``."""
    with Emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Make a name that no other test has."""
    return lambda name: f"{name}-{uuid4().hex[:8]}"


@contextmanager
def client(service: str, emulator: Emulator) -> Iterator[Any]:
    made = boto3.client(
        service,  # type: ignore[call-overload]  # the stubs want a literal
        endpoint_url=emulator.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    with closing(made):
        yield made


@pytest.fixture(scope="session")
def sqs(emulator: Emulator) -> Iterator[SQSClient]:
    """Talk to the emulator's SQS."""
    with client("sqs", emulator) as made:
        yield made


@pytest.fixture(scope="session")
def dynamodb(emulator: Emulator) -> Iterator[DynamoDBClient]:
    """Talk to the emulator's DynamoDB."""
    with client("dynamodb", emulator) as made:
        yield made


@pytest.fixture(scope="session")
def streams(emulator: Emulator) -> Iterator[DynamoDBStreamsClient]:
    """Talk to the emulator's DynamoDB Streams."""
    with client("dynamodbstreams", emulator) as made:
        yield made


@pytest.fixture(scope="session")
def kinesis(emulator: Emulator) -> Iterator[KinesisClient]:
    """Talk to the emulator's Kinesis."""
    with client("kinesis", emulator) as made:
        yield made
