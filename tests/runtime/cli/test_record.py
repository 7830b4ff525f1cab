"""``workers record``: what waits in queues and streams, as events, and left where it is."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from command import COMMAND
from worker_runtime.local.recording.files import Recording
from worker_runtime.local.recording.lines import Event
from worker_runtime.local.stage.aws_clients import AwsClients, credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from command import Done, Workers
    from installed import Site
    from worker_runtime.local.stage.parts.emulator import Emulator

    Record = Callable[..., Done]

FAN = {"id": "1", "email": "fan@example.com"}
END_WITHIN_S = 10.0
METER_WORKER = """
    from msgspec import Struct
    from worker_runtime import Kinesis, Stack, worker


    class Reading(Struct):
        meter: str


    @worker(
        Kinesis("gauges", dead_letters="gauges-dlq", batch_size=2, filters=({"data": {"meter": ["m"]}},)),
        stack=Stack("meter"),
    )
    def work(reading: Reading) -> None:
        "Note a reading."
"""

WATCH_WORKER = """
    from worker_runtime import Change, Stack, TableStream, worker


    @worker(TableStream("$table", kinesis="$table-carrier", dead_letters="dlq"), stack=Stack("$plugin"))
    def work(change: Change[dict]) -> None:
        "See a change."
"""


@pytest.fixture
def aws(emulator: Emulator) -> Iterator[AwsClients]:
    """Make clients of the emulator."""
    with AwsClients(emulator.endpoint_url, region="us-east-1", credentials=credentials(None)) as made:
        yield made


@pytest.fixture
def name() -> str:
    """Name a queue or stream that is no other test's."""
    return f"place-{uuid4().hex[:8]}"


@pytest.fixture
def record(workers: Workers, emulator: Emulator, tmp_path: Path, shop: Site) -> Record:
    """Record to ``r.jsonl`` from the emulator."""

    def run(*options: str, site: Site = shop) -> Done:
        asked = ("record", str(tmp_path / "r.jsonl"), "--endpoint-url", emulator.endpoint_url, *options)
        return workers(*asked, site=site)

    return run


def queue(aws: AwsClients, name: str, *bodies: Any, max_receives: int | None = None) -> str:
    """Make a queue with messages and return its URL."""
    sqs, attributes = aws("sqs"), {}
    if max_receives is not None:
        letters = sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
        named = sqs.get_queue_attributes(QueueUrl=letters, AttributeNames=["QueueArn"])["Attributes"]
        policy = {"deadLetterTargetArn": named["QueueArn"], "maxReceiveCount": max_receives}
        attributes = {"RedrivePolicy": json.dumps(policy)}
    url: str = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
    return url


def waiting(aws: AwsClients, url: str) -> list[Any]:
    """Receive what can be received at once."""
    asked: dict[str, Any] = {"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"]}
    found: list[Any] = aws("sqs").receive_message(QueueUrl=url, **asked).get("Messages", [])
    return found


def events(folder: Path) -> list[Event]:
    return [line for _, line in Recording(folder / "r.jsonl") if isinstance(line, Event)]


def raws(folder: Path) -> list[list[Any]]:
    return [json.loads(bytes(event.event))["Records"] for event in events(folder)]


def test_a_queue_s_messages_are_recorded_and_stay(
    record: Record, aws: AwsClients, name: str, tmp_path: Path
) -> None:
    url = queue(aws, name, FAN, {"id": "2"})

    done = record("--queue", name)

    (batch,) = raws(tmp_path)
    assert done.code == 0, done.err
    assert "2 records in 1 event:" in done.out
    assert {json.loads(each["body"])["id"] for each in batch} == {"1", "2"}
    assert {each["eventSource"] for each in batch} == {"aws:sqs"}
    assert "fan@example.com" not in (tmp_path / "r.jsonl").read_text()
    assert len(waiting(aws, url)) == 2


def test_a_look_spends_one_receive_of_each_message(record: Record, aws: AwsClients, name: str) -> None:
    url = queue(aws, name, *({"id": str(at)} for at in range(25)))

    done = record("--queue", url, "--json")

    counts = {each["Attributes"]["ApproximateReceiveCount"] for each in waiting(aws, url)}
    assert done.json["records"] == 25
    assert counts == {"2"}


def test_in_clear_is_warned_of(record: Record, aws: AwsClients, name: str, tmp_path: Path) -> None:
    queue(aws, name, FAN)

    done = record("--queue", name, "--in-clear")

    assert "in clear: keep it where such data may lie" in done.err
    assert "fan@example.com" in (tmp_path / "r.jsonl").read_text()


def test_a_queue_that_one_look_would_dead_letter_is_refused(
    record: Record, aws: AwsClients, name: str, tmp_path: Path
) -> None:
    queue(aws, name, FAN, max_receives=1)

    done = record("--queue", name)

    assert done.code == 2
    assert "dead-letters a message after one receive, and a look is one" in done.err
    assert not (tmp_path / "r.jsonl").exists()


def test_messages_whose_last_receive_is_spent_are_told_and_not_looked_at_again(
    record: Record, aws: AwsClients, name: str
) -> None:
    url = queue(aws, name, FAN, max_receives=2)
    (met,) = waiting(aws, url)
    aws("sqs").change_message_visibility(
        QueueUrl=url, ReceiptHandle=met["ReceiptHandle"], VisibilityTimeout=0
    )

    done = record("--queue", name, "--for", "20s")

    assert done.code == 0, done.err
    assert "1 message spent the last receive" in done.err


def test_no_more_than_was_asked_for_is_recorded(record: Record, aws: AwsClients, name: str) -> None:
    queue(aws, name, *({"id": str(at)} for at in range(25)))

    done = record("--queue", name, "--max", "12", "--json")

    assert done.json["records"] == 12


def test_a_worker_s_queue_names_the_worker(record: Record, aws: AwsClients, tmp_path: Path) -> None:
    queue(aws, "orders", FAN)

    done = record("--worker", "shop.work")

    assert done.code == 0, done.err
    assert [event.worker for event in events(tmp_path)] == ["shop.work"]


def test_a_stream_is_recorded_as_its_worker_would_be_handed_it(
    record: Record, aws: AwsClients, installed_plugin: Site, tmp_path: Path
) -> None:
    installed_plugin.install_plugin("meter", worker=METER_WORKER)
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="gauges", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="gauges", WaiterConfig={"Delay": 1})
    for meter in ("m", "other", "m", "m"):
        kinesis.put_record(StreamName="gauges", Data=json.dumps({"meter": meter}), PartitionKey="p")

    done = record("--stream", "gauges", site=installed_plugin)

    assert done.code == 0, done.err
    assert [len(batch) for batch in raws(tmp_path)] == [2, 1]
    assert {event.worker for event in events(tmp_path)} == {"meter.work"}
    assert raws(tmp_path)[0][0]["eventSource"] == "aws:kinesis"


def test_a_table_s_stream_is_recorded(record: Record, aws: AwsClients, name: str, tmp_path: Path) -> None:
    aws("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    aws("dynamodb").put_item(TableName=name, Item={"PK": {"S": "1"}, "email": {"S": "fan@example.com"}})

    done = record("--stream", name)

    ((change,),) = raws(tmp_path)
    assert done.code == 0, done.err
    assert change["eventName"] == "INSERT"
    assert change["dynamodb"]["NewImage"]["email"] == {"S": "f***@e***"}


def test_what_several_workers_take_over_kinesis_is_recorded_in_the_form_in_which_all_get_it(
    record: Record, aws: AwsClients, name: str, installed_plugin: Site, tmp_path: Path
) -> None:
    for plugin in ("seen", "heard"):
        taken = WATCH_WORKER.replace("$table", name).replace("$plugin", plugin)
        installed_plugin.install_plugin(plugin, worker=taken)
    aws("dynamodb").create_table(
        TableName=f"local-{name}",
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    aws("dynamodb").put_item(TableName=f"local-{name}", Item={"PK": {"S": "1"}})

    done = record("--stream", f"local-{name}-carrier", site=installed_plugin)

    ((change,),) = raws(tmp_path)
    assert done.code == 0, done.err
    assert change["eventSource"] == "aws:kinesis"
    assert change["eventSourceARN"].endswith(f":stream/local-{name}-carrier")
    assert change["eventID"].startswith("shardId-000000000000:")
    assert [event.worker for event in events(tmp_path)] == [None]


def test_ctrl_c_ends_a_recording_cleanly(
    workers: Workers, emulator: Emulator, aws: AwsClients, name: str, tmp_path: Path
) -> None:
    url, file = queue(aws, name, FAN), tmp_path / "r.jsonl"
    asked = ("record", str(file), "--queue", name, "--for", "1h", "--endpoint-url", emulator.endpoint_url)

    with subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, *asked], env=workers.environment(), stdout=subprocess.PIPE, text=True
    ) as running:
        ends_at = time.monotonic() + END_WITHIN_S
        while not (file.exists() and len(file.read_bytes().splitlines()) > 1):
            assert time.monotonic() < ends_at
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=END_WITHIN_S)

    assert running.returncode == 0
    assert "1 record in 1 event:" in out
    assert len(waiting(aws, url)) == 1


def test_nothing_and_too_much_are_refused(record: Record) -> None:
    assert "say one of --queue, --stream and --worker" in record().err
    assert "say one of --queue, --stream and --worker" in record("--queue", "a", "--stream", "b").err


def test_what_is_not_there_is_told(record: Record) -> None:
    queued, streamed = record("--queue", "nowhere"), record("--stream", "nowhere")

    assert (queued.code, streamed.code) == (2, 2)
    assert "there is no queue 'nowhere'" in queued.err
    assert "there is no stream 'nowhere', and no table of that name" in streamed.err


def test_a_time_that_is_none_is_told(record: Record) -> None:
    done = record("--queue", "orders", "--for", "soon")

    assert done.code == 2
    assert "--for soon is no time; say 30s, 5m or 1h" in done.err


def test_its_help_gives_examples_and_says_what_a_look_costs(workers: Workers) -> None:
    done = workers("record", "--help")

    assert "workers record orders.jsonl --queue orders" in done.out
    assert "spends a receive" in done.out
