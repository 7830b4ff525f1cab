"""A due sale's fans to their notifications, 20 % of batch writes unprocessed: ours beside plain boto3.

The emulator's speed dominates; the last lines are the same work over a table that answers at once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
from table import Peer, Row, told

from worker_runtime.local.stage.dynamodb_calls import UnprocessedWrites
from worker_runtime.local.stage.gateway import Gateway
from worker_runtime.local.stage.parts.emulator import Emulator
from workers_dmnd.local import DEMAND_TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARE = 0.2
OWN_SHARE = "own_share"
ROUNDS = (
    ("worker_runtime", "ours", 1_234),
    ("worker_runtime", "ours", 5_000),  # one chunk
    ("worker_runtime", "ours", 12_345),
    ("boto3 batch writer", "batch_writer", 1_234),
    ("boto3 conditional put", "put_if_absent", 1_234),
    ("boto3 get and put", "get_and_put", 1_234),
    ("without its AWS client", OWN_SHARE, 1_234),
    ("without its AWS client", OWN_SHARE, 12_345),
)


@contextmanager
def short_of_capacity() -> Iterator[tuple[UnprocessedWrites, dict[str, str]]]:
    """Run an emulator behind a gateway; yield what holds writes back, and a process's environment."""
    with tempfile.TemporaryDirectory() as folder, Emulator(Path(folder)) as emulator:
        unprocessed = UnprocessedWrites(seed=1)
        with Gateway(emulator.endpoint_url, answer=unprocessed, called=lambda: None) as gateway:
            credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
            region = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
            unused = {
                "DMND_REDIS_URL": "redis://127.0.0.1:9",
                "BITLY_SECRET_ID": "bitly",
            }  # the event has a link
            yield unprocessed, {**credentials, **region, **unused, "AWS_ENDPOINT_URL": gateway.url}


def create_table(environment: dict[str, str]) -> str:
    """Make an empty demand table and return its name."""
    name = f"demand-{uuid4().hex[:8]}"
    indexes = [(index.name, index.hash_key, str(index.range_key)) for index in DEMAND_TABLE.indexes]
    attributes = ["PK", "SK", *(key for _, *keys in indexes for key in keys)]
    dynamodb = boto3.client(
        "dynamodb",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in attributes],
        KeySchema=_schema("PK", "SK"),
        GlobalSecondaryIndexes=[
            {"IndexName": index, "KeySchema": _schema(*keys), "Projection": {"ProjectionType": "ALL"}}
            for index, *keys in indexes
        ],
    )
    dynamodb.close()
    return name


def run_apart(candidate: str, fans: int, environment: dict[str, str]) -> dict[str, Any]:
    """Run a candidate in a process of its own and return what it took."""
    ran = subprocess.run(  # noqa: S603 - our own file
        [sys.executable, str(Path(__file__).with_name("_fan_out.py")), candidate, str(fans)],
        env={"PATH": os.environ.get("PATH", ""), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(f"{candidate}: {ran.stderr}")
    result: dict[str, Any] = json.loads(ran.stderr.splitlines()[-1])
    return result


def _schema(hash_key: str, range_key: str) -> Any:
    return [
        {"AttributeName": hash_key, "KeyType": "HASH"},
        {"AttributeName": range_key, "KeyType": "RANGE"},
    ]


def _told(took: dict[str, Any], *, fans: int) -> str:
    speed = f"{fans / took['took_s']:,.0f} recipients/s, CPU {took['cpu_s']:.2f} s"
    return f"{speed}, peak {took['peak_mb']:.0f} MB (+{took['grown_mb']:.0f})"


def rows() -> Iterator[Row]:
    """Run every round and yield a row each, ours of a size beside boto3's, seconds."""
    took = {(candidate, fans): result for candidate, fans, result in _results()}
    peers = {name: candidate for name, candidate, _ in ROUNDS if candidate not in ("ours", OWN_SHARE)}
    for _, candidate, fans in ROUNDS:
        own = took[candidate, fans]
        path = f"fan-out, {fans:,} recipients"
        if candidate == OWN_SHARE:
            yield Row(
                f"{path}, a table that answers at once", own["cpu_s"] / fans * 1e6, unit="us of CPU each"
            )
        if candidate == "ours":
            beside = [(name, took.get((peer, fans))) for name, peer in peers.items()]
            listed = tuple(Peer(name, result["took_s"]) for name, result in beside if result)
            yield Row(path, own["took_s"], listed, unit="s", remark=_told(own, fans=fans))


def _results() -> Iterator[tuple[str, int, dict[str, Any]]]:
    with short_of_capacity() as (unprocessed, environment):
        for name, candidate, fans in ROUNDS:
            environment["DEMAND_TABLE"] = create_table(environment)
            unprocessed.share = 0.0
            if candidate != OWN_SHARE:
                run_apart("fill", fans, environment)
            unprocessed.share = SHARE
            took = run_apart(candidate, fans, environment)
            assert took["written"] == fans, f"{name}: {took['written']} of {fans} were written"
            yield candidate, fans, took


def main() -> None:
    sys.stdout.write(f"{told(rows())}\n")


if __name__ == "__main__":
    main()
