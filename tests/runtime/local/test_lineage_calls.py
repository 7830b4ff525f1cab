"""What is read from the workers' calls to AWS: as the SDK words them, as the emulator answers them."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from worker_runtime.dead_letters import REASON_ATTRIBUTE
from worker_runtime.local.stage.execution.invocations import trace_id_of, trace_part
from worker_runtime.local.stage.gateway import Gateway
from worker_runtime.local.stage.lineage.call_watch import CallWatch
from worker_runtime.local.stage.lineage.calls.reading import effects_of
from worker_runtime.local.stage.lineage.happenings import Called

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker_runtime.local.stage.lineage.calls.effects import Effect
    from worker_runtime.local.stage.lineage.happenings import Happening
    from worker_runtime.local.stage.parts.emulator import Emulator

    Unique = Callable[[str], str]

REQUEST = "4049e355-5d58-43d7-903a-5e8549592a31"
ABSENT: Any = {"ConditionExpression": "attribute_not_exists(PK)"}
REASON = json.dumps({"worker": "shop.ship", "code": "REFUSED", "recordId": "m-1"})


class Notes:
    """A journal that a test reads."""

    def __init__(self) -> None:
        self.calls: list[Called] = []

    def note(self, happening: Happening) -> None:
        assert isinstance(happening, Called)
        self.calls.append(happening)

    @property
    def effects(self) -> list[Effect]:
        return [effect for call in self.calls for effect in effects_of(call)]

    @property
    def told(self) -> list[tuple[str, str, str, str]]:
        return [(each.verb, each.kind, each.target, each.thing) for each in self.effects]


class Watched:
    """A worker's clients of AWS, and what is noted of their calls."""

    def __init__(self, gateway: Gateway, notes: Notes) -> None:
        self._gateway = gateway
        self.notes = notes
        self.made: list[Any] = []

    def __call__(self, service: str) -> Any:
        made = boto3.client(
            service,  # type: ignore[call-overload]  # the stubs want a literal
            endpoint_url=self._gateway.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.made.append(made)
        return made


@pytest.fixture
def worker(emulator: Emulator) -> Iterator[Watched]:
    notes = Notes()
    watch = CallWatch(notes, keys={"orders": ("PK", "SK")})
    with Gateway(
        emulator.endpoint_url,
        answer=lambda target, body: None,  # noqa: ARG005 - all pass
        called=lambda: None,
        seen=watch,
    ) as gateway:
        made = Watched(gateway, notes)
        yield made
        for each in made.made:
            each.close()


@pytest.fixture
def orders(dynamodb: Any) -> Iterator[str]:
    keys = [("PK", "HASH"), ("SK", "RANGE")]
    dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    yield "orders"
    dynamodb.delete_table(TableName="orders")


def key(name: str) -> dict[str, Any]:
    return {"PK": {"S": name}, "SK": {"S": "meta"}}


@contextmanager
def invoked() -> Iterator[None]:
    """Be in an invocation, as the runtime client makes it known to the SDK."""
    variables = {
        "AWS_LAMBDA_FUNCTION_NAME": "ship",
        "_X_AMZN_TRACE_ID": trace_id_of(REQUEST, at=1_700_000_000),
    }
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


def test_the_sdk_names_the_invocation_in_each_call(worker: Watched, unique: Unique) -> None:
    sqs = worker("sqs")
    url = sqs.create_queue(QueueName=unique("work"))["QueueUrl"]

    with invoked():
        sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.send_message(QueueUrl=url, MessageBody="x")

    assert [call.trace for call in worker.notes.calls] == [trace_part(REQUEST), ""]


def test_a_message_is_known_by_the_id_that_sqs_gave_it(worker: Watched, unique: Unique) -> None:
    name, sqs = unique("work"), worker("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]

    one = sqs.send_message(
        QueueUrl=url,
        MessageBody="x",
        MessageAttributes={"correlationId": {"DataType": "String", "StringValue": "c-1"}},
    )["MessageId"]
    batch = sqs.send_message_batch(
        QueueUrl=url, Entries=[{"Id": str(at), "MessageBody": "x"} for at in range(2)]
    )["Successful"]

    assert worker.notes.told == [
        ("SendMessage", "message", name, one),
        *(("SendMessageBatch", "message", name, each["MessageId"]) for each in batch),
    ]
    assert worker.notes.effects[0].correlation == "c-1"


def test_dead_letters_and_deferrals_are_told_from_other_messages(worker: Watched, unique: Unique) -> None:
    sqs = worker("sqs")
    url = sqs.create_queue(QueueName=unique("work"))["QueueUrl"]

    for body, attributes in (
        ("x", {REASON_ATTRIBUTE: REASON}),
        (REASON, {}),
        ("x", {"deferrals": "1"}),
    ):
        given = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=given)

    assert [(each.kind, each.names) for each in worker.notes.effects] == [
        ("letter", "m-1"),
        ("letter", "m-1"),
        ("deferral", None),
    ]


def test_items_are_known_by_their_keys(worker: Watched, orders: str) -> None:
    dynamodb = worker("dynamodb")

    dynamodb.put_item(TableName=orders, Item={**key("a"), "n": {"N": "1"}})
    dynamodb.update_item(
        TableName=orders,
        Key=key("b"),
        UpdateExpression="SET #s = :s",
        ExpressionAttributeNames={"#s": "state"},
        ExpressionAttributeValues={":s": {"S": "new"}},
    )
    dynamodb.delete_item(TableName=orders, Key=key("a"))
    dynamodb.batch_write_item(
        RequestItems={orders: [{"PutRequest": {"Item": key("c")}}, {"DeleteRequest": {"Key": key("b")}}]}
    )
    dynamodb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": orders, "Item": key("d")}},
            {"Delete": {"TableName": orders, "Key": key("c")}},
            {
                "ConditionCheck": {
                    "TableName": orders,
                    "Key": key("e"),
                    "ConditionExpression": "attribute_not_exists(PK)",
                }
            },
        ]
    )
    dynamodb.get_item(TableName=orders, Key=key("a"))

    assert [(verb, thing) for verb, _, _, thing in worker.notes.told] == [
        ("PutItem", "a meta"),
        ("UpdateItem", "b meta"),
        ("DeleteItem", "a meta"),
        ("PutItem", "c meta"),
        ("DeleteItem", "b meta"),
        ("PutItem", "d meta"),
        ("DeleteItem", "c meta"),
    ]


def test_what_aws_refused_is_told_with_its_code(worker: Watched, orders: str) -> None:
    dynamodb = worker("dynamodb")
    dynamodb.put_item(TableName=orders, Item=key("a"))

    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamodb.put_item(TableName=orders, Item=key("a"), **ABSENT)

    assert [each.error for each in worker.notes.effects] == [None, "ConditionalCheckFailedException"]


def test_records_of_a_stream_are_known_by_their_sequence_numbers(worker: Watched, unique: Unique) -> None:
    name, kinesis = unique("readings"), worker("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})

    one = kinesis.put_record(StreamName=name, Data=b"x", PartitionKey="k")["SequenceNumber"]
    records = [{"Data": b"x", "PartitionKey": "k"}] * 2
    more = kinesis.put_records(StreamName=name, Records=records)["Records"]

    assert worker.notes.told == [
        ("PutRecord", "record", name, one),
        *(("PutRecords", "record", name, each["SequenceNumber"]) for each in more),
    ]


def test_objects_are_known_by_bucket_and_key(worker: Watched, unique: Unique) -> None:
    bucket, s3 = unique("spill"), worker("s3")
    s3.create_bucket(Bucket=bucket)

    s3.put_object(Bucket=bucket, Key="a folder/b+c.json", Body=b"x")
    s3.get_object(Bucket=bucket, Key="a folder/b+c.json")["Body"].read()

    assert worker.notes.told == [("PutObject", "object", bucket, "a folder/b+c.json")]


def test_topics_and_buses_are_known_by_the_ids_that_they_give(worker: Watched, unique: Unique) -> None:
    name, sns, events = unique("news"), worker("sns"), worker("events")
    topic = sns.create_topic(Name=name)["TopicArn"]

    message = sns.publish(
        TopicArn=topic,
        Message="x",
        MessageAttributes={"correlationId": {"DataType": "String", "StringValue": "c-1"}},
    )["MessageId"]
    event = events.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"}])["Entries"][0][
        "EventId"
    ]

    assert worker.notes.told == [
        ("Publish", "event", name, message),
        ("PutEvents", "event", "default", event),
    ]
    assert worker.notes.effects[0].correlation == "c-1"
