"""What declarations become on a stage: queues, tables, secrets, buckets, and the variables that name them."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime import (
    Change,
    Kinesis,
    Sqs,
    Stack,
    TableStream,
    assumes,
    cache,
    puts,
    queries,
    reads,
    secret,
    sends,
    worker,
)
from worker_runtime.local.offers import OutsideTable, TableIndex
from worker_runtime.local.stage.aws_clients import AwsClients, credentials
from worker_runtime.local.stage.names import NotStaged, local_name
from worker_runtime.local.stage.provisioning import KINESIS_SHARDS, Outside, Unprovided, provision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker_runtime.local.stage.names import Names
    from worker_runtime.local.stage.parts.emulator import Emulator
    from worker_runtime.workers import Declaration

    Unique = Callable[[str], str]

REGION = "us-east-1"
STACK = Stack("test")


@pytest.fixture
def aws(emulator: Emulator) -> Iterator[AwsClients]:
    """Make clients of the emulator."""
    with ExitStack() as parts:
        yield parts.enter_context(
            AwsClients(emulator.endpoint_url, region=REGION, credentials=credentials(None))
        )


def outside(*tables: OutsideTable, **secrets: dict[str, str]) -> Outside:
    return Outside(tables=tables, secrets=secrets, redis_url="redis://127.0.0.1:1/0")


def taking_messages(queue: str, **settings: Any) -> Declaration:
    grants = settings.pop("grants", ())

    @worker(Sqs(queue, **settings), stack=STACK, grants=grants, timeout_s=60)
    def take(message: dict[str, Any]) -> None:
        """Take a message."""

    return take.declaration


def taking_changes(table: str, **settings: Any) -> Declaration:
    @worker(TableStream(table, **settings), stack=STACK)
    def take(change: Change[dict[str, Any]]) -> None:
        """Take a change."""

    return take.declaration


def taking_records(stream: str) -> Declaration:
    @worker(Kinesis(stream, dead_letters=f"{stream}-dlq"), stack=STACK)
    def take(record: dict[str, Any]) -> None:
        """Take a record."""

    return take.declaration


def attributes(aws: AwsClients, names: Names, queue: str) -> Any:
    return aws("sqs").get_queue_attributes(QueueUrl=names.named("queue", queue), AttributeNames=["All"])[
        "Attributes"
    ]


def test_a_queue_has_its_workers_visibility_and_redrive(aws: AwsClients, unique: Unique) -> None:
    queue = unique("orders")
    declared = taking_messages(queue, max_receives=2, dead_letters=f"{queue}-dlq")

    names = provision([declared], outside=outside(), aws=aws, region=REGION)

    own, dead = attributes(aws, names, queue), attributes(aws, names, f"{queue}-dlq")
    assert own["VisibilityTimeout"] == "62"
    assert json.loads(own["RedrivePolicy"]) == {"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": 2}
    assert dead["MessageRetentionPeriod"] == "1209600"
    assert own["QueueArn"].endswith(f":{local_name(queue)}")


def test_a_fifo_queue_has_fifo_dead_letters(aws: AwsClients, unique: Unique) -> None:
    queue = unique("ordered")
    declared = taking_messages(f"{queue}.fifo", max_receives=10, dead_letters=f"{queue}-dlq.fifo")

    names = provision([declared], outside=outside(), aws=aws, region=REGION)

    assert attributes(aws, names, f"{queue}.fifo")["FifoQueue"] == "true"
    assert attributes(aws, names, f"{queue}-dlq.fifo")["FifoQueue"] == "true"


def test_a_table_has_its_keys_indexes_and_a_stream_of_both_images(aws: AwsClients, unique: Unique) -> None:
    table = unique("things")
    offered = OutsideTable(name=table, indexes=(TableIndex("GSI1", "GSI1PK", "GSI1SK"),))
    declared = taking_changes(table, dead_letters=f"{table}-dlq")

    names = provision([declared], outside=outside(offered), aws=aws, region=REGION)

    made = aws("dynamodb").describe_table(TableName=names.named("table", table))["Table"]
    assert [each["AttributeName"] for each in made["KeySchema"]] == ["PK", "SK"]
    assert [each["IndexName"] for each in made["GlobalSecondaryIndexes"]] == ["GSI1"]
    assert made["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert names.named("stream", table) == made["LatestStreamArn"]


def test_variables_name_what_a_worker_was_granted(aws: AwsClients, unique: Unique) -> None:
    name = unique("save")
    grants = (
        *(reads(name), queries(name, index="GSI1"), puts(name, keys=("MSG#*",))),
        *(sends(f"{name}-next"), secret(name), cache("dmnd"), assumes("sms")),
    )
    declared = taking_messages(name, grants=grants)
    given = outside(OutsideTable(name=name), **{name: {"token": "t"}})

    names = provision([declared], outside=given, aws=aws, region=REGION)

    stem = name.replace("-", "_").upper()
    assert names.variables(declared.all_grants) == {
        f"{stem}_QUEUE_URL": names.named("queue", name),
        f"{stem}_TABLE": f"local-{name}",
        f"{stem}_NEXT_QUEUE_URL": names.named("queue", f"{name}-next"),
        f"{stem}_SECRET_ID": f"local-{name}",
        "DMND_REDIS_URL": "redis://127.0.0.1:1/0",
        "SMS_ROLE_ARN": "arn:aws:iam::000000000000:role/local-sms",
    }
    value = aws("secretsmanager").get_secret_value(SecretId=f"local-{name}")["SecretString"]
    assert json.loads(value) == {"token": "t"}


def test_a_spill_bucket_is_made(aws: AwsClients, unique: Unique) -> None:
    queue = unique("large")
    declared = taking_messages(queue, dead_letters=f"{queue}-dlq", spill_bucket=f"{queue}-spill")

    names = provision([declared], outside=outside(), aws=aws, region=REGION)

    aws("s3").head_bucket(Bucket=names.named("bucket", f"{queue}-spill"))


def test_a_kinesis_stream_that_carries_changes_is_named_and_not_made(aws: AwsClients, unique: Unique) -> None:
    table = unique("carried")
    declared = taking_changes(table, kinesis="table-stream", dead_letters=f"{table}-dlq")

    names = provision([declared], outside=outside(OutsideTable(name=table)), aws=aws, region=REGION)

    assert names.named("stream", "table-stream") == (
        "arn:aws:kinesis:us-east-1:000000000000:stream/local-table-stream"
    )


def test_a_kinesis_stream_that_is_read_is_made_and_taken_over(aws: AwsClients, unique: Unique) -> None:
    stream = unique("readings")

    made, again = (
        provision([taking_records(stream)], outside=outside(), aws=aws, region=REGION) for _ in range(2)
    )

    arn = made.named("stream", stream)
    assert arn == again.named("stream", stream)
    assert arn.endswith(f":stream/{local_name(stream)}")
    assert len(aws("kinesis").list_shards(StreamARN=arn)["Shards"]) == KINESIS_SHARDS
    assert (
        made.variables(taking_records(stream).all_grants)[f"{stream.replace('-', '_').upper()}_STREAM_ARN"]
        == arn
    )


def test_what_exists_is_taken_over(aws: AwsClients, unique: Unique) -> None:
    name = unique("again")
    given = outside(OutsideTable(name=name), **{name: {"token": "first"}})
    first = taking_messages(name, grants=(reads(name), secret(name)), dead_letters=f"{name}-dlq")
    second = taking_messages(
        name,
        grants=(reads(name), secret(name)),
        dead_letters=f"{name}-dlq",
        visibility_s=100,
        spill_bucket=name,
    )
    provision([first], outside=given, aws=aws, region=REGION)

    changed = outside(OutsideTable(name=name), **{name: {"token": "second"}})
    for _ in range(2):
        names = provision([second], outside=changed, aws=aws, region=REGION)

    assert attributes(aws, names, name)["VisibilityTimeout"] == "100"
    value = aws("secretsmanager").get_secret_value(SecretId=names.named("secret", name))["SecretString"]
    assert json.loads(value) == {"token": "second"}


def test_a_table_that_nobody_offers_is_told_with_its_cure(aws: AwsClients, unique: Unique) -> None:
    name = unique("nowhere")
    declared = taking_messages(name, grants=(reads(name),))

    with pytest.raises(Unprovided, match=f"OutsideTable\\(name='{name}'\\)"):
        provision([declared], outside=outside(), aws=aws, region=REGION)


def test_a_secret_that_nobody_offers_is_told_with_its_cure(aws: AwsClients, unique: Unique) -> None:
    name = unique("hidden")
    declared = taking_messages(name, grants=(secret(name),))

    with pytest.raises(Unprovided, match="OutsideService"):
        provision([declared], outside=outside(), aws=aws, region=REGION)


def test_a_name_that_is_not_staged_is_told_with_those_that_are(aws: AwsClients, unique: Unique) -> None:
    queue = unique("known")
    names = provision([taking_messages(queue)], outside=outside(), aws=aws, region=REGION)

    with pytest.raises(NotStaged, match=queue):
        names.named("queue", "unknown")


@pytest.mark.parametrize(
    ("logical", "real"),
    [("demand-table", "local-demand-table"), ("a.fifo", "local-a.fifo"), ("dmnd.send", "local-dmnd-send")],
)
def test_one_function_names_everything(logical: str, real: str) -> None:
    assert local_name(logical) == real
