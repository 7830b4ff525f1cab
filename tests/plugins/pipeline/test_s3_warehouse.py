"""Files in an S3 that fails, is slow, or hangs up between two uploads: in the end all of them are there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from deliveries import FakeWarehouse, batch, carried, deliver, demand, event, notification, poison, sale
from worker_runtime import Halt, Retry, clock
from worker_runtime.clients import aws
from worker_runtime.errors import BatchFailed
from worker_runtime.testing import RecordingSender
from workers_pipeline.adapters.s3 import S3Warehouse

if TYPE_CHECKING:
    from buckets import Bucket, Weather
    from worker_runtime.local.stage.gateway import Gateway

FILES = {
    f"data-pipeline/avro/sale/partition_date=2026-03-0{day}/x.avro": bytes([day]) * 10 for day in (1, 2, 3)
}
BATCH = batch(
    poison(), *(carried(of(), at=at) for at, of in enumerate((demand, sale, event, notification), 1))
)


@pytest.fixture
def clean() -> dict[str, bytes]:
    """What the bucket has to hold in the end."""
    warehouse = FakeWarehouse()
    deliver(BATCH, warehouse)
    return warehouse.files


def test_files_are_stored_under_their_keys_as_avro(bucket: Bucket) -> None:
    S3Warehouse(bucket.name).store(FILES)

    assert bucket.objects() == FILES
    found = aws.client("s3").head_object(Bucket=bucket.name, Key=next(iter(FILES)))
    assert found["ContentType"] == "application/avro"


def test_files_are_stored_over_what_is_there(bucket: Bucket) -> None:
    warehouse = S3Warehouse(bucket.name)
    warehouse.store(dict.fromkeys(FILES, b"old"))

    warehouse.store(FILES)

    assert bucket.objects() == FILES


def test_a_bucket_that_is_gone_halts(bucket: Bucket) -> None:
    with pytest.raises(Halt, match=rf"of {bucket.name}-gone: NoSuchBucket"):
        S3Warehouse(f"{bucket.name}-gone").store(FILES)


def test_what_s3_refuses_of_a_file_is_no_word_on_any_record(bucket: Bucket, weather: Weather) -> None:
    weather.code, weather.status, weather.takes = "InvalidRequest", 400, 0

    with pytest.raises(Retry, match="a file was not stored"):
        S3Warehouse(bucket.name).store(FILES)


@pytest.mark.parametrize("stored_first", [0, 1, 2, 3])
def test_after_an_outage_the_bucket_is_as_if_there_had_been_none(
    bucket: Bucket, weather: Weather, clean: dict[str, bytes], stored_first: int
) -> None:
    sender = RecordingSender()
    weather.takes = stored_first

    with pytest.raises(BatchFailed):
        deliver(BATCH, S3Warehouse(bucket.name), sender=sender)
    weather.fair()
    in_between = bucket.objects()
    reply = deliver(BATCH, S3Warehouse(bucket.name), sender=sender)

    assert reply == {"batchItemFailures": []}
    assert len(in_between) == stored_first
    assert in_between.items() <= clean.items()
    assert bucket.objects() == clean
    assert len(sender.sent) == 1


def test_connections_that_break_are_made_anew(
    bucket: Bucket, gateway: Gateway, clean: dict[str, bytes]
) -> None:
    gateway.hang_up(1)

    reply = deliver(BATCH, S3Warehouse(bucket.name))

    assert reply == {"batchItemFailures": []}
    assert bucket.objects() == clean


def test_a_slow_s3_is_waited_for_by_all_files_at_once(
    bucket: Bucket, gateway: Gateway, clean: dict[str, bytes]
) -> None:
    slow = threading.Barrier(len(clean), timeout=10)  # passed only by so many side by side
    gateway.slow_next(len(clean), wait=lambda: barrier_passed(slow))

    reply = deliver(BATCH, S3Warehouse(bucket.name))

    assert reply == {"batchItemFailures": []}
    assert bucket.objects() == clean


def barrier_passed(barrier: threading.Barrier) -> None:
    barrier.wait()


def test_where_no_time_is_left_nothing_is_stored_and_all_comes_again(
    bucket: Bucket, clean: dict[str, bytes]
) -> None:
    with clock.deadline_in(0.1), pytest.raises(Retry):
        S3Warehouse(bucket.name).store(clean)

    assert bucket.objects() == {}
