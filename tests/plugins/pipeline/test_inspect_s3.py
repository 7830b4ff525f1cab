"""``workers pipeline inspect`` on a bucket: what is listed and fetched of it, and what it refuses."""

from __future__ import annotations

import os
import shlex
import threading
from contextlib import chdir
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from buckets import Bucket, Weather
from command import Done
from deliveries import FakeWarehouse, batch, carried, deliver, demand, event, sale
from worker_runtime.cli.root import app as root
from worker_runtime.clients import aws
from workers_pipeline.adapters.s3 import S3Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from backfills import Backfiller
    from worker_runtime.local.stage.gateway import Gateway
    from worker_runtime.local.stage.parts.http_wire import WireMessage

    Inspect = Callable[..., Done]

pytestmark = pytest.mark.long

ALONG = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_EC2_METADATA_DISABLED",
)


class Refusals(Weather):
    """Refuses to read what has a word in its URL, and remembers what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.word: str | None = None
        self.code, self.status = "AccessDenied", 403
        self.fetched: list[str] = []
        self.listed: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, message: WireMessage) -> bytes | None:
        method, target, _ = message.start
        if method != "GET":
            return None
        with self._lock:
            (self.listed if "list-type" in target else self.fetched).append(unquote(target))
        return self._refusal() if self.word is not None and self.word in target else None


@pytest.fixture
def weather() -> Refusals:
    return Refusals()


@pytest.fixture
def inspect(gateway: Gateway, tmp_path: Path) -> Inspect:  # noqa: ARG001 - the way to S3
    """Run the command against the emulated S3."""

    def run(*arguments: str, env: dict[str, str] | None = None) -> Done:
        with chdir(tmp_path):
            done = CliRunner().invoke(root, ["pipeline", "inspect", *arguments], env=env)
        return Done(done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def stored(bucket: Bucket) -> Bucket:
    """Have the worker store three tables' files, and somebody else one of theirs elsewhere."""
    records = [carried(of(), at=at) for at, of in enumerate((demand, sale, event))]
    deliver(batch(*records), S3Warehouse(bucket.name))
    warehouse = FakeWarehouse()
    deliver(batch(carried(sale(), at=9)), warehouse)
    (data,) = warehouse.files.values()
    put(bucket, "data-pipeline/test/x.avro", data)
    put(bucket, "data-pipeline/avro/sale/notes.txt", b"none")
    put(bucket, "without-its-ending", data)
    return bucket


def put(bucket: Bucket, key: str, data: bytes) -> None:
    aws.client("s3").put_object(Bucket=bucket.name, Key=key, Body=data)


def rows_by_table(done: Done) -> dict[str, int]:
    assert done.code == 0, done.err
    return {each["table"]: each["rows"] for each in done.json["partitions"]}


def test_a_bucket_alone_means_the_warehouse_in_it(inspect: Inspect, stored: Bucket) -> None:
    done = inspect(f"s3://{stored.name}", "--json")

    assert rows_by_table(done) == {"demand": 1, "event": 1, "sale": 1}
    assert done.json["total"]["bytes"] == sum(
        len(data) for key, data in stored.objects().items() if "/avro/" in key and key.endswith(".avro")
    )


def test_a_prefix_or_a_whole_key_means_what_it_says(inspect: Inspect, stored: Bucket) -> None:
    below = inspect(f"s3://{stored.name}/data-pipeline/", "--json")
    table = inspect(f"s3://{stored.name}/data-pipeline/avro/sa", "--json")
    whole = inspect(f"s3://{stored.name}/without-its-ending", "--json")

    assert below.json["total"]["files"] == 4
    assert rows_by_table(table) == {"sale": 1}
    assert rows_by_table(whole) == {"sale": 1}


def test_rows_name_their_object(inspect: Inspect, stored: Bucket) -> None:
    done = inspect(f"s3://{stored.name}", "--type", "sale", "--rows", "--json")

    (found,) = done.json["rows"]
    assert found["file"].startswith(f"s3://{stored.name}/data-pipeline/avro/sale/partition_date=2026-03-01/")
    assert found["row"]["sale_id"] == "s1"


def test_no_more_is_fetched_than_is_wanted(inspect: Inspect, bucket: Bucket, weather: Refusals) -> None:
    (data,) = delivered().values()
    for table in ("event", "sale"):
        for day in range(1, 9):
            put(bucket, f"data-pipeline/avro/{table}/partition_date=2026-03-0{day}/x.avro", data)

    done = inspect(f"s3://{bucket.name}", "--type", "sale", "--date", "2026-03-03..2026-03-05", "--json")

    assert [each["partitionDate"] for each in done.json["partitions"]] == [
        "2026-03-03",
        "2026-03-04",
        "2026-03-05",
    ]
    assert len(weather.fetched) == 3
    assert all("/sale/" in each for each in weather.fetched)


@pytest.mark.parametrize(
    "named", ["", "/data-pipeline/avro", "/data-pipeline/avro/", "/data-pipeline/avro/s"]
)
@pytest.mark.parametrize("narrowed", ["--type", "--date", "both"])
def test_no_more_is_listed_than_is_wanted(
    inspect: Inspect, bucket: Bucket, weather: Refusals, named: str, narrowed: str
) -> None:
    (data,) = delivered().values()
    for table in ("event", "sale", "stranger"):
        put(bucket, f"data-pipeline/avro/{table}/partition_date=2026-03-03/x.avro", data)
    by_type, by_date = ["--type", "sale"], ["--date", "2026-03-03.."]
    narrow = {"--type": by_type, "--date": by_date, "both": [*by_type, *by_date]}[narrowed]

    done = inspect(f"s3://{bucket.name}{named}", *narrow, "--json")

    known = (
        {"sale"}
        if narrowed != "--date"
        else {"sale", "stranger"} | ({"event"} if named[-1:] != "s" else set())
    )
    whole = [each for each in weather.listed if "delimiter=/" not in each]
    assert {each["table"] for each in done.json["partitions"]} == known
    assert len(whole) == len(known)
    assert all("prefix=data-pipeline/avro/sale/" in each for each in whole if known == {"sale"})
    assert narrowed == "--type" or all("partition_date=2026-03-03" in each for each in whole)


def test_a_bucket_that_is_not_there_is_told_alike_by_all_commands(
    inspect: Inspect, backfill: Backfiller
) -> None:
    looked, delivered_again = inspect("s3://nobodys/x/", "--json"), backfill("s3://nobodys/x/", "--json")

    assert (looked.code, delivered_again.code) == (1, 1)
    assert looked.error == delivered_again.error


def delivered() -> dict[str, bytes]:
    warehouse = FakeWarehouse()
    deliver(batch(carried(sale())), warehouse)
    return warehouse.files


@pytest.mark.long
def test_more_files_are_listed_than_one_answer_holds(inspect: Inspect, bucket: Bucket) -> None:
    (data,) = delivered().values()
    for at in range(1001):
        put(bucket, f"many/{at:04}.avro", data)

    done = inspect(f"s3://{bucket.name}/many/", "--schema", "--json")

    assert done.json["schemas"][0]["files"] == 1001


def test_a_bucket_that_is_not_there_is_told_with_the_cure(inspect: Inspect) -> None:
    done = inspect("s3://nobodys-bucket", "--json")

    assert (done.code, done.out, done.error["kind"]) == (1, "", "AwsRefused")
    assert done.error["message"].startswith(
        "s3://nobodys-bucket/data-pipeline/avro/: ListObjectsV2: NoSuchBucket:"
    )
    assert "are its name, AWS_ENDPOINT_URL" in done.error["message"]


def test_a_bucket_that_may_not_be_listed_is_told(inspect: Inspect, stored: Bucket, weather: Refusals) -> None:
    weather.word = "list-type"

    done = inspect(f"s3://{stored.name}")

    assert (done.code, done.out) == (1, "")
    assert "AccessDenied" in done.err


def test_an_object_that_may_not_be_read_is_named_and_hides_no_others(
    inspect: Inspect, stored: Bucket, weather: Refusals
) -> None:
    weather.word = "/sale/"

    done = inspect(f"s3://{stored.name}", "--json")

    (problem,) = done.json["problems"]
    assert done.code == 1
    assert "/sale/" in problem["file"]
    assert problem["why"].startswith("cannot be fetched: AccessDenied")
    assert {each["table"] for each in done.json["partitions"]} == {"demand", "event"}


def test_where_nobody_answers_it_is_told(inspect: Inspect) -> None:
    done = inspect(
        "s3://any", "--json", env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    )

    assert (done.code, done.error["kind"]) == (1, "AwsRefused")
    assert "127.0.0.1:9" in done.error["message"]


def test_a_connection_that_breaks_is_made_anew(inspect: Inspect, stored: Bucket, gateway: Gateway) -> None:
    gateway.hang_up(1)

    done = inspect(f"s3://{stored.name}", "--json")

    assert done.json["total"]["files"] == 3


def test_an_empty_bucket_is_an_error_and_so_is_a_narrowed_look_that_finds_nothing(
    inspect: Inspect, bucket: Bucket
) -> None:
    empty, narrowed = (
        inspect(f"s3://{bucket.name}", "--json"),
        inspect(f"s3://{bucket.name}", "--type", "sale"),
    )

    assert (empty.code, empty.error["kind"]) == (1, "NoFiles")
    assert (narrowed.code, narrowed.out) == (1, "No file holds what is asked for.\n")


def test_bucket_and_endpoint_may_be_named_in_a_file_or_by_an_option(
    inspect: Inspect, stored: Bucket, gateway: Gateway, tmp_path: Path
) -> None:
    (tmp_path / "local.env").write_text(
        f"DEMAND_CAPTURE_BUCKET={stored.name}\nAWS_ENDPOINT_URL={gateway.url}\n"
    )
    nowhere = {"AWS_ENDPOINT_URL": ""}

    by_file = inspect("--env-file", "local.env", "--json", env=nowhere)
    by_option = inspect(f"s3://{stored.name}", "--endpoint-url", gateway.url, "--json", env=nowhere)

    assert by_file.json["total"]["files"] == by_option.json["total"]["files"] == 3


@pytest.fixture
def there(gateway: Gateway, tmp_path: Path) -> Iterator[Path]:  # noqa: ARG001 - the way to S3
    """Put what the examples of the help name."""
    records = [carried(of(), at=at) for at, of in enumerate((demand, sale, event))]
    warehouse = FakeWarehouse()
    deliver(batch(*records), warehouse)
    for key, data in warehouse.files.items():
        file = tmp_path / "warehouse" / key
        file.parent.mkdir(parents=True)
        file.write_bytes(data)
    lines = [f"{name}={os.environ[name]}" for name in ALONG] + ["DEMAND_CAPTURE_BUCKET=demand-capture"]
    (tmp_path / "local.env").write_text("\n".join(lines))
    named = Bucket("demand-capture")
    S3Warehouse(named.name).store(warehouse.files)
    yield tmp_path
    for key in named.objects():
        aws.client("s3").delete_object(Bucket=named.name, Key=key)
    aws.client("s3").delete_bucket(Bucket=named.name)


@pytest.mark.long
def test_the_examples_of_the_help_can_be_run_as_they_stand(inspect: Inspect, there: Path) -> None:
    told = inspect("--help", env={"COLUMNS": "200"})
    examples = [line.strip() for line in told.out.partition("Examples:")[2].splitlines() if line.strip()]

    assert len(examples) >= 5
    for example in examples:
        called, plugin, command, *arguments = shlex.split(example)
        done = inspect(*arguments)
        assert (called, plugin, command) == ("workers", "pipeline", "inspect")
        assert done.code == 0, f"{example}: {done.err}"
        assert "asked for" not in done.out, example
    assert there.is_dir()
