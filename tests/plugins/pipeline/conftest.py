"""A bucket in an emulated S3 that may fail, be slow or hang up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from backfills import Backfiller
from buckets import Bucket, Weather
from command import Workers
from worker_runtime.clients import aws
from worker_runtime.local.stage.gateway import Gateway
from worker_runtime.local.stage.parts.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture
def weather() -> Weather:
    return Weather()


@pytest.fixture
def gateway(emulator: Emulator, weather: Weather) -> Iterator[Gateway]:
    """Point AWS clients at the emulator, through what may fail."""
    way = Gateway(
        emulator.endpoint_url, answer=lambda _target, _body: None, called=lambda: None, rest=weather
    )
    with way as running:
        before = dict(os.environ)
        os.environ.update(
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_REGION="us-east-1",
            AWS_ENDPOINT_URL=running.url,
            AWS_EC2_METADATA_DISABLED="true",
        )
        try:
            yield running
        finally:
            aws.forget()
            os.environ.clear()
            os.environ.update(before)


@pytest.fixture
def bucket(gateway: Gateway) -> Bucket:  # noqa: ARG001 - the way to it
    return Bucket(f"demand-capture-{uuid4().hex[:8]}")


@pytest.fixture
def backfill(bucket: Bucket, gateway: Gateway, tmp_path: Path) -> Backfiller:
    """Let somebody deliver changes again, from a folder of their own."""
    home = tmp_path / "home"
    home.mkdir()
    return Backfiller(Workers(home), bucket, endpoint_url=gateway.url)
