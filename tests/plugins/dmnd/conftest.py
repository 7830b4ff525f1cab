"""Real parts for the plugin's adapters: DynamoDB and SQS in an emulator, a Redis, Bitly's stand-in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from worker_runtime import Environment, Metrics, clock
from worker_runtime.clients import aws
from worker_runtime.local.stage.parts.emulator import Emulator
from worker_runtime.local.stage.parts.redis_server import RedisServer
from worker_runtime.testing import SteppedClock
from workers_dmnd.local.bitly import BitlyStandIn

if TYPE_CHECKING:
    from collections.abc import Iterator


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
