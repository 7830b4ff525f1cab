"""What topics, buckets and rules send, as a worker's events: led into relays, shaped as Lambda has it."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from conformance import params, recorded, sample
from staged import eventually
from worker_runtime import S3, EventBridge, S3Object, Sns, Stack, worker
from worker_runtime.clock import REAL_TIME, ScaledClock
from worker_runtime.filters import compile_policy
from worker_runtime.local.stage.aws_clients import AwsClients, credentials
from worker_runtime.local.stage.provisioning import Outside, provision
from worker_runtime.local.stage.relays.forms import BucketForm, PolicyFilter, RuleForm, TopicForm, form_of
from worker_runtime.local.stage.relays.routes import NAME_CHARS, lead_events, relay_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker_runtime.local.stage.names import Names
    from worker_runtime.local.stage.parts.emulator import Emulator
    from worker_runtime.workers import Declaration

    Unique = Callable[[str], str]
    Source = Sns | S3 | EventBridge

REGION = "us-east-1"
WORKER = "test.take"
SUBSCRIPTION = "arn:aws:sns:us-east-1:000000000000:local-t:1"
CLOCK = REAL_TIME


@pytest.fixture(scope="module")
def aws(emulator: Emulator) -> Iterator[AwsClients]:
    """Make clients of the emulator."""
    with ExitStack() as parts:
        yield parts.enter_context(
            AwsClients(emulator.endpoint_url, region=REGION, credentials=credentials(None))
        )


def taking(source: Source) -> Declaration:
    if isinstance(source, S3):

        @worker(source, stack=Stack("test"))
        def take_object(thing: S3Object) -> None:
            """Take an object."""

        return take_object.declaration

    @worker(source, stack=Stack("test"))
    def take(event: dict[str, Any]) -> None:
        """Take an event."""

    return take.declaration


def led(aws: AwsClients, *sources: Source) -> Names:
    """Make what the sources need; each is one of a worker ``test.take``, ``test.take1``, …"""
    declarations = {f"{WORKER}{at or ''}": taking(source) for at, source in enumerate(sources)}
    names = provision(declarations.values(), outside=Outside(tables=(), secrets={}), aws=aws, region=REGION)
    lead_events(declarations, names=names, aws=aws)
    return names


def received(aws: AwsClients, names: Names, source: Source, worker_id: str = WORKER) -> list[Any]:
    """Take the events out of a source's relay; those that Lambda would not be told are left out."""
    relay = relay_name(worker_id, source)
    form = form_of(source, relay=relay, names=names, clock=CLOCK)
    url = names.named("relay", relay)
    messages = aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    shaped = [form.event(each["Body"]) for each in messages]
    return [event for event in shaped if event is not None and form.refusal(event) is None]


def shape(value: Any) -> Any:
    """Reduce JSON to its keys and types."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else type(value)


def test_a_topics_message_has_the_shape_that_lambda_gives_it(aws: AwsClients, unique: Unique) -> None:
    source = Sns(unique("t"), dead_letters="dlq")
    names = led(aws, source)

    aws("sns").publish(
        TopicArn=names.named("topic", source.topic),
        Message="m",
        Subject="s",
        MessageAttributes={
            "Test": {"DataType": "String", "StringValue": "x"},
            "TestBinary": {"DataType": "Binary", "BinaryValue": b"x"},
        },
    )

    (event,) = received(aws, names, source)
    assert shape(event) == shape(sample("powertools_snsEvent"))
    assert event["Records"][0]["EventSubscriptionArn"].startswith(names.named("topic", source.topic) + ":")


def test_a_message_without_subject_and_attributes_says_so(aws: AwsClients, unique: Unique) -> None:
    source = Sns(unique("t"), dead_letters="dlq")
    names = led(aws, source)

    aws("sns").publish(TopicArn=names.named("topic", source.topic), Message="m")

    ((record,),) = (event["Records"] for event in received(aws, names, source))
    assert (record["Sns"]["Subject"], record["Sns"]["MessageAttributes"]) == (None, {})


def test_a_buckets_notification_has_the_shape_that_lambda_gives_it(aws: AwsClients, unique: Unique) -> None:
    source = S3(unique("b"), events=("ObjectCreated:Put",), dead_letters="dlq")
    names = led(aws, source)

    aws("s3").put_object(Bucket=names.named("bucket", source.bucket), Key="k", Body=b"x")

    (event,) = eventually(lambda: received(aws, names, source))  # its test event is not among them
    assert shape(event) == shape(sample("sam_s3_put"))
    assert names.named("bucket", source.bucket) == event["Records"][0]["s3"]["bucket"]["name"]


def test_what_is_deleted_has_no_size_and_no_etag(aws: AwsClients, unique: Unique) -> None:
    source = S3(unique("b"), events=("ObjectRemoved:*",), dead_letters="dlq")
    carried = EventBridge(
        unique("r"), pattern={"source": ["aws.s3"], "detail-type": ["Object Deleted"]}, dead_letters="dlq"
    )
    names = led(aws, source, carried)

    for call in ("put_object", "delete_object"):
        getattr(aws("s3"), call)(Bucket=names.named("bucket", source.bucket), Key="k")

    (told,) = eventually(lambda: received(aws, names, source))
    (event,) = eventually(lambda: received(aws, names, carried, f"{WORKER}1"))
    assert told["Records"][0]["s3"]["object"].keys() == {"key", "sequencer"}
    assert event["detail"]["object"].keys() == {"key", "sequencer"}
    assert "." not in event["time"]  # to the second


def test_a_rules_event_has_the_shape_that_lambda_gives_it(aws: AwsClients, unique: Unique) -> None:
    source = EventBridge(unique("r"), pattern={"source": ["me"]}, bus=unique("b"), dead_letters="dlq")
    names = led(aws, source)
    expected = {**sample("powertools_eventBridgeEvent"), "detail": {}, "resources": []}
    del expected["replay-name"]  # it was one of an archive's

    aws("events").put_events(
        Entries=[
            {
                "Source": "me",
                "DetailType": "d",
                "Detail": "{}",
                "EventBusName": names.named("bus", str(source.bus)),
            }
        ]
    )

    (event,) = received(aws, names, source)
    assert shape(event) == shape(expected)


def test_several_workers_of_one_topic_bucket_and_bus_each_hear_theirs(
    aws: AwsClients, unique: Unique
) -> None:
    topic, bucket, bus = unique("t"), unique("b"), unique("bus")
    sources: list[Source] = [
        Sns(topic, dead_letters="dlq"),
        Sns(topic, filter_policy={"kind": ["a"]}, dead_letters="dlq"),
        S3(bucket, prefix="a/", dead_letters="dlq"),
        S3(bucket, prefix="b/", dead_letters="dlq"),
        EventBridge(unique("r1"), pattern={"detail-type": ["a"]}, bus=bus, dead_letters="dlq"),
        EventBridge(unique("r2"), pattern={"detail-type": ["b"]}, bus=bus, dead_letters="dlq"),
    ]
    names = led(aws, *sources)

    aws("sns").publish(TopicArn=names.named("topic", topic), Message="m")
    aws("s3").put_object(Bucket=names.named("bucket", bucket), Key="b/k", Body=b"x")
    entry = {"Source": "me", "DetailType": "b", "Detail": "{}", "EventBusName": names.named("bus", bus)}
    aws("events").put_events(Entries=[entry])

    def counts() -> list[int]:
        for at, source in enumerate(sources):
            heard[at] += len(received(aws, names, source, f"{WORKER}{at or ''}"))
        return heard

    heard = [0] * len(sources)
    eventually(lambda: sum(counts()) >= 3)
    assert heard == [1, 0, 0, 1, 0, 1]


def test_what_is_there_already_is_taken_over(aws: AwsClients, unique: Unique) -> None:
    sources: list[Source] = [
        Sns(unique("t"), dead_letters="dlq"),
        S3(unique("b"), dead_letters="dlq"),
        EventBridge(unique("r"), pattern={"source": ["me"]}, bus=unique("b"), dead_letters="dlq"),
    ]

    first, second = led(aws, *sources), led(aws, *sources)

    for at, source in enumerate(sources):
        relay = relay_name(f"{WORKER}{at or ''}", source)
        assert first.named("relay", relay) == second.named("relay", relay)
    subscription = relay_name(WORKER, sources[0])
    assert first.named("subscription", subscription) == second.named("subscription", subscription)


def test_times_are_the_stages() -> None:
    clock = ScaledClock(60.0, origin=time.time())  # an hour a minute
    minute = clock.origin + 60
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(minute))
    hour = clock.origin + 3_600

    told = RuleForm(clock).event(
        json.dumps({"time": f"{stamp}Z", "source": "me", "detail-type": "d", "detail": {}})
    )
    record = {"eventTime": f"{stamp}.000Z", "eventName": "ObjectCreated:Put"}
    notified = BucketForm(clock).event(json.dumps({"Records": [record]}))

    assert told is not None
    assert notified is not None
    for said in (told["time"], notified["Records"][0]["eventTime"]):
        assert -60 <= datetime.fromisoformat(said).timestamp() - hour <= 0  # the stamp has no fractions


def test_a_relays_name_fits_into_sqs() -> None:
    source = Sns("t" * 200, dead_letters="dlq")

    one, other = relay_name("a.worker", source), relay_name("b.worker", source)

    assert one != other
    assert len(f"local-{one}") <= NAME_CHARS


@pytest.fixture(scope="module")
def any_topic(aws: AwsClients) -> tuple[str, str]:
    """Make a topic for all recorded messages, and the queue that it sends to; its ARN and the URL."""
    url = aws("sqs").create_queue(QueueName="recorded-messages")["QueueUrl"]
    arn = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = aws("sns").create_topic(Name="recorded-messages")["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, url


@pytest.mark.parametrize("case", params(recorded("sns_filter_cases.json"), name="name"))
def test_a_message_is_delivered_where_sns_delivers_it(
    case: Any, aws: AwsClients, any_topic: tuple[str, str]
) -> None:
    # some cases write a single value without its list, which SNS itself refuses
    listed = {key: [value] if isinstance(value, str) else value for key, value in case["policy"].items()}
    form = TopicForm(
        subscription_arn=SUBSCRIPTION,
        filters=PolicyFilter(compile_policy(listed, scope=case["scope"])),
        clock=CLOCK,
    )
    topic, url = any_topic
    message = case.get("message") or "any"
    aws("sns").publish(
        TopicArn=topic,
        Message=message if isinstance(message, str) else json.dumps(message),
        MessageAttributes={
            name: {
                "DataType": given.get("DataType") or given["Type"],
                "StringValue": str(given.get("StringValue", given.get("Value"))),
            }
            for name, given in case.get("message_attributes", {}).items()
        },
    )

    (published,) = aws("sqs").receive_message(QueueUrl=url)["Messages"]
    aws("sqs").delete_message(QueueUrl=url, ReceiptHandle=published["ReceiptHandle"])
    refusal = form.refusal(form.event(published["Body"]))
    assert (refusal is None) is case["expect"]
    if refusal is not None:
        assert refusal.filters.explain(refusal.records[0].raw).says().startswith("refused; filter policy: ")
