"""What relays rely on in MiniStack's SNS, S3 and EventBridge; re-run when its pin moves.

A test whose name says "unlike AWS" holds a difference that our own code has to make up for, or that is told
in README.md.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from staged import eventually
from worker_runtime.local.stage.aws_clients import AwsClients, credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_sqs import SQSClient

    from worker_runtime.local.stage.parts.emulator import Emulator

    Unique = Callable[[str], str]


@pytest.fixture(scope="module")
def aws(emulator: Emulator) -> Iterator[AwsClients]:
    """Make clients of the emulator."""
    with AwsClients(emulator.endpoint_url, region="us-east-1", credentials=credentials(None)) as made:
        yield made


@pytest.fixture
def sns(aws: AwsClients) -> Any:
    """Talk to the emulator's SNS."""
    return aws("sns")


@pytest.fixture
def s3(aws: AwsClients) -> Any:
    """Talk to the emulator's S3."""
    return aws("s3")


@pytest.fixture
def events(aws: AwsClients) -> Any:
    """Talk to the emulator's EventBridge."""
    return aws("events")


class Relay:
    """A queue, and what came to it."""

    def __init__(self, sqs: SQSClient, name: str) -> None:
        self._sqs = sqs
        self._url = sqs.create_queue(QueueName=name)["QueueUrl"]
        told = sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self.arn = told["Attributes"]["QueueArn"]

    def bodies(self) -> list[Any]:
        messages = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]


@pytest.fixture
def relay(sqs: SQSClient, unique: Unique) -> Relay:
    """Make a queue."""
    return Relay(sqs, unique("relay"))


@pytest.fixture
def topic(sns: Any, relay: Relay, unique: Unique) -> str:
    """Make a topic that sends to the relay; its ARN."""
    arn: str = sns.create_topic(Name=unique("topic"))["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=relay.arn)
    return arn


@pytest.fixture
def bucket(s3: Any, relay: Relay, unique: Unique) -> str:
    """Make a bucket that tells the relay of JSON files in a folder."""
    name = unique("bucket")
    s3.create_bucket(Bucket=name)
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".json"}]
    told = {"Id": "told", "QueueArn": relay.arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"]}
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={
            "QueueConfigurations": [{**told, "Filter": {"Key": {"FilterRules": rules}}}],
            "EventBridgeConfiguration": {},
        },
    )
    return name


# --- SNS


def test_a_notification_is_in_the_queue_before_publish_answers(sns: Any, relay: Relay, topic: str) -> None:
    answer = sns.publish(TopicArn=topic, Message="hé", Subject="s")

    (told,) = relay.bodies()
    assert (told["MessageId"], told["Message"], told["Subject"]) == (answer["MessageId"], "hé", "s")
    assert (told["Type"], told["TopicArn"]) == ("Notification", topic)


def test_subscribing_again_is_the_same_subscription(sns: Any, relay: Relay, topic: str) -> None:
    said = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": relay.arn, "ReturnSubscriptionArn": True}

    assert sns.subscribe(**said)["SubscriptionArn"] == sns.subscribe(**said)["SubscriptionArn"]


def test_unlike_aws_a_binary_attribute_arrives_empty(sns: Any, relay: Relay, topic: str) -> None:
    attributes = {
        "text": {"DataType": "String", "StringValue": "x"},
        "binary": {"DataType": "Binary", "BinaryValue": b"x"},
    }

    sns.publish(TopicArn=topic, Message="m", MessageAttributes=attributes)

    (told,) = relay.bodies()
    assert told["MessageAttributes"] == {
        "text": {"Type": "String", "Value": "x"},
        "binary": {"Type": "Binary", "Value": ""},
    }


def test_unlike_aws_a_filter_policy_does_not_look_into_lists_of_lists(
    sns: Any, sqs: SQSClient, unique: Unique
) -> None:
    relay, topic = Relay(sqs, unique("relay")), sns.create_topic(Name=unique("topic"))["TopicArn"]
    attributes = {"FilterPolicy": json.dumps({"a.b": ["c"]}), "FilterPolicyScope": "MessageBody"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=relay.arn, Attributes=attributes)

    sns.publish(TopicArn=topic, Message=json.dumps({"a": {"b": "c"}}))

    assert relay.bodies() == []


def test_unlike_aws_a_filter_policy_is_not_checked(sns: Any, relay: Relay, unique: Unique) -> None:
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    attributes = {"FilterPolicy": json.dumps({"a": [{"nonsense": 1}]})}

    answer = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=relay.arn, Attributes=attributes)

    assert answer["SubscriptionArn"]


def test_a_message_worded_by_protocol_is_worded_for_the_queue(sns: Any, relay: Relay, topic: str) -> None:
    message = json.dumps({"default": "d", "sqs": "for a queue", "lambda": "for a function"})

    sns.publish(TopicArn=topic, Message=message, MessageStructure="json")

    (told,) = relay.bodies()
    assert told["Message"] == "for a queue"


# --- S3


def test_a_new_notification_is_tried_by_a_test_event(relay: Relay, bucket: str) -> None:
    (told,) = relay.bodies()

    assert (told["Service"], told["Event"], told["Bucket"]) == ("Amazon S3", "s3:TestEvent", bucket)
    assert told.keys() == {"Service", "Event", "Time", "Bucket", "RequestId", "HostId"}


def test_a_bucket_tells_of_the_keys_that_fit_and_encodes_them(s3: Any, relay: Relay, bucket: str) -> None:
    relay.bodies()
    for key in ("in/a b+ü.json", "out/a.json", "in/a.txt"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"{}")

    ((record,),) = (told["Records"] for told in eventually(relay.bodies))

    assert record["s3"]["object"].keys() == {"key", "size", "eTag", "sequencer"}
    assert (record["s3"]["object"]["key"], record["s3"]["configurationId"]) == (
        "in/a+b%2B%C3%BC.json",
        "told",
    )
    assert (record["eventName"], record["eventSource"]) == ("ObjectCreated:Put", "aws:s3")


def test_unlike_aws_a_deletion_tells_a_size_and_an_etag(s3: Any, relay: Relay, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="in/a.json", Body=b"{}")
    s3.delete_object(Bucket=bucket, Key="in/a.json")

    def deletion() -> Any:
        told = [record for body in relay.bodies() for record in body.get("Records", [])]
        return next((record for record in told if record["eventName"] == "ObjectRemoved:Delete"), None)

    deleted = eventually(deletion)
    assert deleted["s3"]["object"]["size"] == 0
    assert deleted["s3"]["object"]["eTag"] == ""


# --- EventBridge


def test_an_event_is_in_the_queue_before_put_events_answers(
    events: Any, relay: Relay, unique: Unique
) -> None:
    bus, rule = unique("bus"), unique("rule")
    events.create_event_bus(Name=bus)
    events.put_rule(Name=rule, EventBusName=bus, EventPattern=json.dumps({"source": ["me"]}))
    events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "1", "Arn": relay.arn}])
    entry = {"Source": "me", "DetailType": "d", "Detail": '{"a": 1.0}', "EventBusName": bus}

    answer = events.put_events(Entries=[entry, {**entry, "Source": "you"}])

    (told,) = relay.bodies()
    assert told.pop("id") == answer["Entries"][0]["EventId"]
    assert told.pop("time").endswith("Z")
    assert told == {
        "version": "0",
        "detail-type": "d",
        "source": "me",
        "account": "000000000000",
        "region": "us-east-1",
        "resources": [],
        "detail": {"a": 1.0},
    }


def test_unlike_aws_the_time_that_a_sender_says_is_lost(events: Any, relay: Relay, unique: Unique) -> None:
    rule = unique("rule")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": relay.arn}])

    events.put_events(Entries=[{"Source": rule, "DetailType": "d", "Detail": "{}", "Time": 1_000_000_000}])

    (told,) = relay.bodies()
    assert not told["time"].startswith("2001-")


def test_a_bucket_tells_eventbridge_of_every_key(
    events: Any, s3: Any, sqs: SQSClient, bucket: str, unique: Unique
) -> None:
    rule, arrivals = unique("rule"), Relay(sqs, unique("arrivals"))
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arrivals.arn}])

    s3.put_object(Bucket=bucket, Key="out/a b.txt", Body=b"{}")

    (told,) = eventually(arrivals.bodies)
    assert (told["detail-type"], told["detail"]["reason"]) == ("Object Created", "PutObject")
    assert told["detail"]["object"]["key"] == "out/a b.txt"
