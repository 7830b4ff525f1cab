"""The emulator whose state outlives it: what of AWS is there again, however its stage ended.

Held for MiniStack's own form of state and for what it leaves to us; to be run again when its pin moves.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from staged import eventually
from worker_runtime.local.stage.aws_clients import AwsClients, credentials
from worker_runtime.local.stage.keeping.messages_in_flight import reveal_in_flight
from worker_runtime.local.stage.parts.emulator import Emulator
from worker_runtime.local.stage.parts.kept_ministack import was_lost

if TYPE_CHECKING:
    from collections.abc import Iterator

HOURS_S = 43_200


def clients(url: str) -> AwsClients:
    return AwsClients(url, region="us-east-1", credentials=credentials(None))


@contextmanager
def kept(folder: Path) -> Iterator[AwsClients]:
    """Run the emulator of a folder; its clients by service."""
    with Emulator(folder, kept=True) as emulator, clients(emulator.endpoint_url) as aws:
        yield aws


def table(dynamodb: Any) -> str:
    arn: str = dynamodb.create_table(
        TableName="things",
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]["LatestStreamArn"]
    return arn


def changes(streams: Any, arn: str, **position: str) -> list[Any]:
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    position = position or {"ShardIteratorType": "TRIM_HORIZON"}
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], **position)
    records: list[Any] = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    return records


def test_items_and_the_stream_of_their_changes_are_there_again(tmp_path: Path) -> None:
    item = {"PK": {"S": "a"}, "n": {"N": "1.5"}, "b": {"B": b"\x00\xff"}, "s": {"SS": ["x", "y"]}}
    with kept(tmp_path) as aws:
        arn = table(aws("dynamodb"))
        aws("dynamodb").put_item(TableName="things", Item=item)
        before = changes(aws("dynamodbstreams"), arn)

    with kept(tmp_path) as aws:
        aws("dynamodb").put_item(TableName="things", Item={"PK": {"S": "later"}})
        after = changes(aws("dynamodbstreams"), arn)
        last = before[-1]["dynamodb"]["SequenceNumber"]
        behind = changes(
            aws("dynamodbstreams"), arn, ShardIteratorType="AFTER_SEQUENCE_NUMBER", SequenceNumber=last
        )

        assert aws("dynamodb").get_item(TableName="things", Key={"PK": {"S": "a"}})["Item"] == item
        assert after[:-1] == before
        assert behind == after[-1:]
        assert int(behind[0]["dynamodb"]["SequenceNumber"]) > int(last)


def test_streams_secrets_and_objects_are_there_again(tmp_path: Path) -> None:
    with kept(tmp_path) as aws:
        aws("kinesis").create_stream(StreamName="readings", ShardCount=1)
        put = aws("kinesis").put_record(StreamName="readings", Data=b"\xff1", PartitionKey="a")
        aws("secretsmanager").create_secret(Name="key", SecretString="opens")
        aws("s3").create_bucket(Bucket="papers")
        aws("s3").put_object(Bucket="papers", Key="a/b", Body=b"\xff2")

    with kept(tmp_path) as aws:
        iterator = aws("kinesis").get_shard_iterator(
            StreamName="readings",
            ShardId=put["ShardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            StartingSequenceNumber=put["SequenceNumber"],
        )["ShardIterator"]
        (record,) = aws("kinesis").get_records(ShardIterator=iterator)["Records"]

        assert record["Data"] == b"\xff1"
        assert aws("secretsmanager").get_secret_value(SecretId="key")["SecretString"] == "opens"
        assert aws("s3").get_object(Bucket="papers", Key="a/b")["Body"].read() == b"\xff2"


def test_messages_are_there_again_and_those_in_flight_can_be_made_visible(tmp_path: Path) -> None:
    with kept(tmp_path) as aws:
        url = aws("sqs").create_queue(QueueName="work")["QueueUrl"]
        for body in ("taken", "put off", "waiting"):
            aws("sqs").send_message(QueueUrl=url, MessageBody=body)
        aws("sqs").send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=900)
        taken = aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=2, VisibilityTimeout=HOURS_S)[
            "Messages"
        ]

    revealed = reveal_in_flight(tmp_path / "state", but={taken[1]["ReceiptHandle"]})

    with kept(tmp_path) as aws:
        visible = aws("sqs").receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        )["Messages"]
        aws("sqs").change_message_visibility(
            QueueUrl=url, ReceiptHandle=taken[1]["ReceiptHandle"], VisibilityTimeout=0
        )
        (put_off,) = aws("sqs").receive_message(QueueUrl=url)["Messages"]
    assert revealed == 1
    assert {each["Body"]: each["Attributes"]["ApproximateReceiveCount"] for each in visible} == {
        "taken": "2",
        "waiting": "1",
    }
    assert put_off["Body"] == "put off"


def test_in_a_new_folder_nothing_is_in_flight(tmp_path: Path) -> None:
    assert reveal_in_flight(tmp_path, but=()) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
def test_a_stage_that_is_killed_leaves_its_emulator_the_time_to_write(tmp_path: Path) -> None:
    starts = (
        "import sys, time; from pathlib import Path\n"
        "from worker_runtime.local.stage.parts.emulator import Emulator\n"
        "emulator = Emulator(Path(sys.argv[1]), kept=True).start()\n"
        "print(emulator.pid, emulator.endpoint_url, flush=True)\n"
        "time.sleep(600)\n"
    )
    stage = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", starts, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert stage.stdout is not None
    with stage.stdout as said:
        pid, url = said.readline().split()
    with clients(url) as aws:
        aws("sqs").create_queue(QueueName="work")

    stage.kill()
    stage.wait()

    eventually(lambda: not Path(f"/proc/{pid}").exists())
    with kept(tmp_path) as aws:
        assert aws("sqs").get_queue_url(QueueName="work")


def test_an_emulator_that_is_killed_itself_is_told_from_one_that_ended(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with kept(tmp_path):
        pass
    ended = was_lost(state)

    with Emulator(tmp_path, kept=True) as emulator:
        assert emulator.pid is not None
        os.kill(emulator.pid, signal.SIGKILL)
        eventually(lambda: emulator.pid is None)

    assert (ended, was_lost(state)) == (False, True)
