"""Where a poller of a stream's latest records begins, in its first life and in those that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from listed import ORIGIN, STREAM_ARN, ListedStream, PolledList
from staged import ScriptedFunction
from worker_runtime import Kinesis

if TYPE_CHECKING:
    from pathlib import Path

LATEST = Kinesis("listed", start="LATEST", dead_letters="dead")


def record(number: int) -> dict[str, Any]:
    kinesis = {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": "k",
        "sequenceNumber": str(number),
        "data": "e30=",
        "approximateArrivalTimestamp": ORIGIN,
    }
    return {"kinesis": kinesis, "eventID": f"shard:{number}", "eventSourceARN": STREAM_ARN}


def stream(*numbers: int) -> ListedStream:
    return ListedStream([record(each) for each in numbers], info="KinesisBatchInfo")


def taken(feed: ListedStream, folder: Path) -> list[str]:
    """Poll in one life until there is nothing left, and tell what was handed over."""
    function = ScriptedFunction()
    PolledList(function).poll_stream(LATEST, feed, folder=folder)
    return [each["kinesis"]["sequenceNumber"] for each in function.records]


@pytest.mark.parametrize("before", [(), (1,), (1, 2, 3)], ids=["empty", "one", "three"])
def test_a_life_without_a_record_is_followed_by_what_came_since_and_nothing_older(
    before: tuple[int, ...], tmp_path: Path
) -> None:
    feed = stream(*before)

    first = taken(feed, tmp_path)
    second = taken(feed, tmp_path)
    feed.put(record(4))
    feed.put(record(5))
    third = taken(feed, tmp_path)

    assert (first, second, third) == ([], [], ["4", "5"])
