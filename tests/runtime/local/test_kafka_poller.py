"""The poller of a Kafka topic against a real broker: shape, starts, groups, retries, what is given up."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest

from conformance import sample
from staged import SPEED, NoAccidents, eventually
from topics import ALL, WORKER, MemoryTopic, TopicFunction, at_first, failed, places
from worker_runtime import Kafka
from worker_runtime.clock import ScaledClock
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.kafka.provisioning import make_topics
from worker_runtime.local.stage.parts.kafka_broker import KafkaBroker
from worker_runtime.local.stage.polling.delivering import Delivery
from worker_runtime.local.stage.polling.kafka_form import KafkaForm
from worker_runtime.local.stage.polling.kafka_poller import KafkaPoller
from worker_runtime.local.stage.polling.on_failure import OnFailureQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_sqs import SQSClient

    from topics import Partitions
    from worker_runtime.local.stage.polling.topic_feed import Topic

    Unique = Callable[[str], str]

kafka = pytest.importorskip("confluent_kafka", reason="Kafka's client is not installed")

CLUSTER = "arn:aws:kafka:us-east-1:000000000000:cluster/local-shop/1"


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaBroker]:
    """Serve one broker to all tests here."""
    with KafkaBroker() as running:
        yield running


class Topical:
    """Pollers of one topic for one worker, and its dead letters."""

    def __init__(self, broker: KafkaBroker, sqs: SQSClient, *, name: str) -> None:
        self.sqs, self.name, self.servers = sqs, name, broker.servers
        self.dead_letters = sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
        self.clock = ScaledClock(SPEED, origin=time.time())
        self.producer = kafka.Producer({"bootstrap.servers": broker.servers})
        self.pollers: list[KafkaPoller] = []
        make_topics([name], servers=broker.servers)

    def put(self, *values: bytes | str | None, **given: Any) -> None:
        for value in values:
            self.producer.produce(self.name, value, **{"partition": 0, **given})
        assert self.producer.flush(5) == 0

    @property
    def group(self) -> str:
        return f"{self.name}-group"

    def commit(self, *, partition: int, offset: int) -> None:
        client = kafka.Consumer({"bootstrap.servers": self.servers, "group.id": self.group})
        at = kafka.TopicPartition(self.name, partition, offset)
        client.commit(offsets=[at], asynchronous=False)
        client.close()

    def poll(
        self,
        function: TopicFunction,
        *,
        of: Topic | None = None,
        cluster: str | None = None,
        **settings: Any,
    ) -> KafkaPoller:
        from worker_runtime.local.stage.polling.kafka_topic import KafkaTopic  # noqa: PLC0415 - where there is a client

        source = Kafka(self.name, dead_letters="dlq", **settings)
        own = KafkaTopic(self.servers, name=self.name, group=source.group or self.group)
        poller = KafkaPoller(
            source,
            topic=of or own,
            form=KafkaForm(servers=self.servers, cluster_arn=cluster, reports=source.partial_replies),
            function_arn="arn:aws:lambda:us-east-1:000000000000:function:local-worker",
            delivery=Delivery(WORKER, invoker=function, tally=Tally([WORKER]), accidents=NoAccidents()),
            on_failure=OnFailureQueue(self.sqs, self.dead_letters),
            clock=self.clock,
        ).start()
        self.pollers.append(poller)
        return poller

    def given_up(self) -> list[Any]:
        answer = self.sqs.receive_message(QueueUrl=self.dead_letters, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def stop(self) -> None:
        for poller in self.pollers:
            poller.stop()


@pytest.fixture
def topic(broker: KafkaBroker, sqs: SQSClient, unique: Unique) -> Iterator[Topical]:
    """Make a topic."""
    made = Topical(broker, sqs, name=unique("things"))
    yield made
    made.stop()


def until_idle(poller: KafkaPoller) -> None:
    eventually(lambda: not poller.busy())


def values(function: TopicFunction) -> list[str]:
    return [b64decode(record["value"]).decode() for record in function.records]


def refuse(_: Partitions) -> None:
    raise ValueError("poison")


def test_latest_takes_what_is_produced_from_now_on_in_order(topic: Topical) -> None:
    function = TopicFunction()
    topic.put("before")

    poller = topic.poll(function)
    topic.put("a", "b", "c")
    until_idle(poller)

    assert values(function) == ["a", "b", "c"]


def test_latest_passes_over_nothing_that_came_while_nobody_polled(topic: Topical) -> None:
    function = TopicFunction()
    topic.put("before")
    for _ in range(2):
        quiet = topic.poll(function)
        until_idle(quiet)
        quiet.stop()

    topic.put("meanwhile")
    topic.put("meanwhile too", partition=3)
    until_idle(topic.poll(function))

    assert sorted(values(function)) == ["meanwhile", "meanwhile too"]


def test_a_partition_that_came_after_its_group_had_begun_is_read_from_its_first_record(
    topic: Topical,
) -> None:
    function = TopicFunction()
    topic.put("before")
    topic.put("first", partition=2)
    topic.commit(partition=0, offset=1)

    until_idle(topic.poll(function, start="LATEST"))

    assert values(function) == ["first"]


def test_partitions_that_are_added_are_shared_out_among_the_pollers(topic: Topical) -> None:
    function, growing = TopicFunction(), MemoryTopic()
    poller = topic.poll(function, of=growing, pollers=(2, 2))

    growing.partitions = 4
    growing.put(2)
    growing.put(3)
    until_idle(poller)

    assert sorted(function.batches) == [[(2, 0)], [(3, 0)]]


def test_a_reader_that_takes_up_more_partitions_goes_on_in_those_that_it_had(topic: Topical) -> None:
    from worker_runtime.local.stage.polling.kafka_topic import KafkaReader  # noqa: PLC0415 - where there is a client

    topic.put("a", "b", "c")
    topic.put("d", partition=1)
    client = kafka.Consumer({"bootstrap.servers": topic.servers, "group.id": topic.group})
    reader = KafkaReader(client, topic=topic.name, beginnings={0: 0}, share=ALL)

    before = [each.value for each in reader.read(most=2)]
    grown = reader.grow(), reader.grow()
    after = [each.value for each in reader.read(most=20)]
    unread = reader.has_unread()
    reader.close()

    assert (before, after) == ([b"a", b"b"], [b"c", b"d"])
    assert grown == (True, False)
    assert not unread


def test_trim_horizon_takes_all_that_the_topic_has_from_all_partitions_in_one_batch(topic: Topical) -> None:
    function = TopicFunction()
    for partition in range(4):
        topic.put("a", "b", partition=partition)

    until_idle(topic.poll(function, start="TRIM_HORIZON", window_s=20))

    assert len(function.events) == 1
    assert set(function.events[0]["records"]) == {f"{topic.name}-{partition}" for partition in range(4)}
    assert sorted(places(function.events[0]["records"])) == [(p, o) for p in range(4) for o in range(2)]


def test_an_event_is_in_the_shape_of_lambda_s(topic: Topical) -> None:
    theirs = sample("powertools_kafkaEventMsk")
    ((their_record,),) = theirs["records"].values()
    function = TopicFunction()
    topic.put(b'{"key":"value"}', key=b"recordKey", headers=[("headerKey", b"headerValue")])

    until_idle(topic.poll(function, start="TRIM_HORIZON", cluster=CLUSTER))

    (ours,) = function.events
    ((our_record,),) = ours["records"].values()
    assert ours.keys() == theirs.keys()
    assert our_record.keys() == their_record.keys()
    for constant in ("timestampType", "key", "value", "headers"):
        assert our_record[constant] == their_record[constant]
    assert (ours["eventSource"], ours["eventSourceArn"]) == ("aws:kafka", CLUSTER)
    assert ours["bootstrapServers"] == topic.servers


def test_any_bytes_and_none_arrive_as_they_were_produced(topic: Topical) -> None:
    function = TopicFunction()
    topic.put(b"\xff\xfe", None, b"", headers=[("h", b"\x00\xff"), ("none", None)])

    until_idle(topic.poll(function, start="TRIM_HORIZON"))

    (event,) = function.events
    assert event["eventSource"] == "SelfManagedKafka"
    assert "eventSourceArn" not in event
    assert [each["value"] for each in function.records] == ["//4=", None, ""]
    assert function.records[0]["headers"] == [{"h": [0, -1]}, {"none": None}]


def test_a_record_is_stamped_by_the_stage_s_clock(topic: Topical) -> None:
    function = TopicFunction()
    poller = topic.poll(function)
    time.sleep(0.2)

    before = topic.clock.now()
    topic.put("a")
    after = topic.clock.now()
    until_idle(poller)

    stamped_at = function.records[0]["timestamp"] / 1000
    off_s = SPEED * 0.002  # the broker tells milliseconds of the machine's time
    assert before - off_s <= stamped_at <= after + off_s


def test_a_poller_goes_on_where_its_group_is(topic: Topical) -> None:
    first, second = TopicFunction(), TopicFunction()
    poller = topic.poll(first)
    topic.put("a")
    until_idle(poller)
    poller.stop()

    topic.put("b")
    until_idle(topic.poll(second))

    assert (values(first), values(second)) == (["a"], ["b"])


def test_a_batch_that_the_end_cut_short_comes_again(topic: Topical) -> None:
    second = TopicFunction()

    def be_killed(_: Partitions) -> None:
        time.sleep(0.2)
        raise RuntimeError("killed")

    first = TopicFunction(be_killed)
    poller = topic.poll(first, pollers=(1, 1), retries=0)
    topic.put("a", "b")
    eventually(lambda: first.events)
    poller.stop()
    until_idle(topic.poll(second))

    assert values(second) == ["a", "b"]
    assert topic.given_up() == []


def test_two_groups_take_all_each(topic: Topical) -> None:
    ours, theirs = TopicFunction(), TopicFunction()
    topic.put("a", "b")

    for function, group in ((ours, "ours"), (theirs, "theirs")):
        until_idle(topic.poll(function, start="TRIM_HORIZON", group=topic.name + group))

    assert (values(ours), values(theirs)) == (["a", "b"], ["a", "b"])


@pytest.mark.long
def test_a_broker_that_answers_nobody_for_a_while_loses_nothing(
    topic: Topical, broker: KafkaBroker, caplog: pytest.LogCaptureFixture
) -> None:
    function = TopicFunction()
    poller = topic.poll(function)
    topic.put("before")
    until_idle(poller)

    broker.freeze()
    busy = poller.busy()
    eventually(lambda: "cannot be read" in caplog.text)
    broker.thaw()
    topic.put("after")
    until_idle(poller)

    assert busy  # nobody knows
    assert values(function) == ["before", "after"]


def test_what_is_given_up_is_told_by_partition_and_offset(topic: Topical) -> None:
    topic.put("a", "b")
    topic.put("c", partition=3)

    until_idle(
        topic.poll(
            TopicFunction(refuse),
            start="TRIM_HORIZON",
            cluster=CLUSTER,
            pollers=(1, 1),
            retries=1,
            window_s=20,
        )
    )

    (letter,) = topic.given_up()
    info = letter["KafkaBatchInfo"]
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert letter["requestContext"]["approximateInvokeCount"] == 2
    assert letter["responseContext"]["functionError"] == "Unhandled"
    assert (info["batchSize"], info["eventSourceArn"]) == (3, CLUSTER)
    assert info["bootstrapServers"] == topic.servers
    assert {place: each["lastRecordOffset"] for place, each in info["recordsInfo"].items()} == {
        f"{topic.name}-0": "1",
        f"{topic.name}-3": "0",
    }


def test_provisioned_pollers_share_out_the_partitions_and_one_that_is_slow_holds_up_only_its_own(
    topic: Topical,
) -> None:
    def be_slow(partitions: Partitions) -> None:
        if any(partition == 0 for partition, _ in places(partitions)):
            time.sleep(1.5)

    function = TopicFunction(be_slow)
    poller = topic.poll(function, start="TRIM_HORIZON", pollers=(2, 2))
    topic.put("slow", partition=0)
    eventually(lambda: function.events)
    began = time.monotonic()
    topic.put("quick", partition=1)
    eventually(lambda: len(function.events) > 1)
    took_s = time.monotonic() - began
    until_idle(poller)

    assert took_s < 1.2
    assert all(len({partition % 2 for partition, _ in batch}) == 1 for batch in function.batches)


def test_a_partial_reply_is_obeyed_partition_by_partition(topic: Topical) -> None:
    function = TopicFunction(at_first(lambda _: failed((0, 1), topic=topic.name)))
    topic.put("a", "b", "c")
    topic.put("d", partition=1)

    until_idle(topic.poll(function, start="TRIM_HORIZON", pollers=(1, 1), partial_replies=True, window_s=20))

    assert function.batches == [[(0, 0), (0, 1), (0, 2), (1, 0)], [(0, 1), (0, 2)]]
