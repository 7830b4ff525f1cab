"""Dead letters of all three forms, sent back; what cannot go stays."""

from __future__ import annotations

import gzip
import json
import time
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import pytest

from staged import failed
from worker_runtime.clock import RealClock
from worker_runtime.filters import compile_filters
from worker_runtime.local.dead_letters.letters import UNREADABLE
from worker_runtime.local.dead_letters.opening import Origin
from worker_runtime.local.dead_letters.redriving import Redriven, Redriver
from worker_runtime.local.dead_letters.walk import peek
from worker_runtime.local.stage.aws_clients import AwsClients, credentials
from worker_runtime.local.stage.polling.change_records import carried_record, change_record
from worker_runtime.local.stage.polling.kinesis_form import KinesisStream
from worker_runtime.local.stage.polling.kinesis_records import KinesisRecords
from worker_runtime.local.stage.polling.on_failure import GivenUp, Shard, on_failure_record
from worker_runtime.local.stage.polling.staged_records import staged
from worker_runtime.local.stage.polling.table_changes import TableChanges
from worker_runtime.testing import (
    event_bridge_event,
    kafka_record,
    kinesis_record,
    message,
    s3_event,
    schedule_event,
    sns_event,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker_runtime.local.dead_letters.letters import Letter
    from worker_runtime.local.stage.parts.emulator import Emulator

    Unique = Callable[[str], str]

WORKER = "test.worker"
REASON = {
    "worker": WORKER,
    "source": "sqs",
    "code": "BAD",
    "error": "bad",
    "recordId": "1",
    "correlationId": "c",
}
ENVELOPE = {**REASON, "attempts": None, "at": "2026-01-01T00:00:00.000+00:00", "version": 1}
CARRIER = KinesisStream(
    stream_arn="arn:aws:kinesis:us-east-1:000000000000:stream/local-things",
    role_arn="arn:aws:iam::000000000000:role/local-worker",
)


class Mailroom:
    """A dead-letter queue, where its letters go, and a worker that remembers what it was handed."""

    def __init__(self, aws: AwsClients, name: str, *, fifo: bool = False) -> None:
        self.aws = aws
        suffix = ".fifo" if fifo else ""
        attributes = {"FifoQueue": "true"} if fifo else {}
        self.dlq = aws("sqs").create_queue(QueueName=f"{name}-dlq{suffix}", Attributes=attributes)["QueueUrl"]
        self.queue = aws("sqs").create_queue(QueueName=f"{name}{suffix}", Attributes=attributes)["QueueUrl"]
        self.table = name
        made = aws("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.stream_arn = made["TableDescription"]["LatestStreamArn"]
        self.handed: list[Any] = []
        self.events: list[Any] = []
        self.reply: Any = None

    def feed(self, carrier: KinesisStream | None = None) -> TableChanges:
        streams = self.aws("dynamodbstreams")
        return TableChanges(streams, stream_arn=self.stream_arn, clock=RealClock(), carrier=carrier)

    def letter(self, body: Any, **sent: Any) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        self.aws("sqs").send_message(QueueUrl=self.dlq, MessageBody=text, **sent)

    def redrive(self, *, refresh: bool = False, **origin: Any) -> tuple[int, int]:
        """Redrive all; (how many went, how many stayed)."""
        done = self.round(refresh=refresh, **origin)
        return done.sent, len(done.kept)

    def round(
        self, *, refresh: bool = False, seen: int = 0, wanted: str | None = None, **origin: Any
    ) -> Redriven:
        """Redrive all and say everything about it."""

        def invoke(_: str, event: Any) -> Any:
            self.events.append(event)
            self.handed += event.get("Records", [event])
            if isinstance(self.reply, BaseException):
                raise self.reply
            return self.reply

        origins = [Origin(worker_id=WORKER, **origin)]
        redriver = Redriver(self.dlq, origins=origins, aws=self.aws, invoke=invoke, patience_s=0)
        return redriver.redrive(refresh=refresh, seen=seen, wanted=wanted)

    def peek(self) -> list[Letter]:
        return peek(self.aws("sqs"), self.dlq, patience_s=0)

    def put(self, key: str, **attributes: str) -> None:
        item = {"PK": {"S": key}, **{name: {"S": value} for name, value in attributes.items()}}
        self.aws("dynamodb").put_item(TableName=self.table, Item=item)

    def changes(self) -> list[Any]:
        streams = self.aws("dynamodbstreams")
        shard = streams.describe_stream(StreamArn=self.stream_arn)["StreamDescription"]["Shards"][0]
        iterator = streams.get_shard_iterator(
            StreamArn=self.stream_arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        read = streams.get_records(ShardIterator=iterator)["Records"]
        return [change_record(each, stream_arn=self.stream_arn, created_at=time.time()) for each in read]

    def received(self) -> list[Any]:
        return list(
            self.aws("sqs")
            .receive_message(
                QueueUrl=self.queue,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            .get("Messages", [])
        )


@pytest.fixture
def aws(emulator: Emulator) -> Iterator[AwsClients]:
    """Make clients of the emulator."""
    with AwsClients(emulator.endpoint_url, region="us-east-1", credentials=credentials(None)) as made:
        yield made


@pytest.fixture
def room(aws: AwsClients, unique: Unique) -> Mailroom:
    """Open a mailroom of standard queues."""
    return Mailroom(aws, unique("mail"))


def text(value: str) -> Any:
    return {"DataType": "String", "StringValue": value}


def test_a_queues_original_goes_back_without_our_reason(room: Mailroom) -> None:
    attributes = {"deadLetterReason": text(json.dumps(REASON)), "deferrals": text("48"), "kind": text("x")}
    room.letter("the body", MessageAttributes=attributes)

    done = room.redrive(queue_url=room.queue)

    (back,) = room.received()
    assert done == (1, 0)
    assert back["Body"] == "the body"
    assert set(back["MessageAttributes"]) == {"kind"}
    assert room.peek() == []


@pytest.mark.parametrize("form", ["given up by Lambda", "rejected by the worker"])
def test_a_whole_event_is_handed_to_its_worker_again(room: Mailroom, form: str) -> None:
    event = schedule_event()
    context = {"requestId": "r-1", "condition": "RetriesExhausted", "approximateInvokeCount": 1}
    given_up = {"version": "1.0", "requestContext": context, "requestPayload": event}
    rejected = {**ENVELOPE, "source": "schedule", "record": event}
    room.letter(given_up if form == "given up by Lambda" else rejected)

    done = room.redrive()

    assert done == (1, 0)
    assert room.handed == [event]
    assert room.peek() == []


@pytest.mark.parametrize(
    ("event", "listed"),
    [
        (s3_event("a"), True),
        (sns_event({"id": "1"}), True),
        (event_bridge_event({"id": "1"}), False),
    ],
    ids=["S3", "SNS", "EventBridge"],
)
def test_a_rejected_record_comes_again_in_an_event_as_lambda_sends_it(
    room: Mailroom, event: dict[str, Any], listed: bool
) -> None:
    room.letter({**ENVELOPE, "record": event["Records"][0] if listed else event})

    done = room.redrive()

    assert done == (1, 0)
    assert room.events == [event]


def test_a_whole_event_that_fails_again_stays(room: Mailroom) -> None:
    room.reply = ValueError("no fan is there")
    room.letter({**ENVELOPE, "source": "schedule", "record": schedule_event()})

    done = room.round()

    assert (done.sent, done.kept) == (0, ("1: ValueError: no fan is there",))
    assert len(room.peek()) == 1


def test_a_message_that_sqs_moved_goes_back_as_it_is(room: Mailroom) -> None:
    room.letter("the body", MessageAttributes={"kind": text("x")})

    done = room.redrive(queue_url=room.queue)

    assert done == (1, 0)
    assert [each["Body"] for each in room.received()] == ["the body"]


def test_a_fifo_original_keeps_its_group_and_gets_a_new_deduplication_id(
    aws: AwsClients, unique: Unique
) -> None:
    room = Mailroom(aws, unique("ordered"), fifo=True)
    for body in ("a1", "a2"):
        room.letter(body, MessageGroupId="a", MessageDeduplicationId=f"first-{body}")

    room.redrive(queue_url=room.queue)
    room.redrive(queue_url=room.queue)

    back = room.received()
    assert [each["Body"] for each in back] == ["a1", "a2"]
    assert {each["Attributes"]["MessageGroupId"] for each in back} == {"a"}
    assert not any(each["Attributes"]["MessageDeduplicationId"].startswith("first") for each in back)


@pytest.mark.parametrize("packing", ["record", "recordGzip", "recordAt"])
def test_an_enveloped_message_goes_back_to_its_queue(room: Mailroom, unique: Unique, packing: str) -> None:
    record = message("the body", attributes={"kind": "x"})
    record["messageAttributes"]["bytes"] = {
        "binaryValue": b64encode(b"\x00\xff").decode(),
        "dataType": "Binary",
    }
    packed = gzip.compress(json.dumps(record).encode())
    bucket = unique("spill")
    room.aws("s3").create_bucket(Bucket=bucket)
    room.aws("s3").put_object(Bucket=bucket, Key="letter.json.gz", Body=packed)
    held = {"record": record, "recordGzip": b64encode(packed).decode(), "recordAt": "letter.json.gz"}
    room.letter({**ENVELOPE, packing: held[packing]})

    done = room.redrive(queue_url=room.queue, spill_bucket=bucket)

    (back,) = room.received()
    assert done == (1, 0)
    assert back["Body"] == "the body"
    assert back["MessageAttributes"]["kind"]["StringValue"] == "x"
    assert back["MessageAttributes"]["bytes"]["BinaryValue"] == b"\x00\xff"


def test_an_enveloped_change_is_handed_to_its_worker(room: Mailroom) -> None:
    room.put("a", kind="x")
    (change,) = room.changes()
    room.letter({**ENVELOPE, "record": change.raw})

    done = room.redrive(feed=room.feed())

    assert done == (1, 0)
    assert room.handed == [change.raw]
    assert room.peek() == []


def test_an_enveloped_record_of_a_topic_is_handed_to_its_worker_as_a_batch_of_one(room: Mailroom) -> None:
    record = kafka_record({"id": "a"}, topic="orders", partition=2, offset=7)
    room.letter({**ENVELOPE, "source": "kafka", "record": record})

    done = room.redrive()

    assert done == (1, 0)
    (event,) = room.events
    assert event["eventSource"] == "SelfManagedKafka"
    assert event["records"] == {"orders-2": [record]}


def test_a_record_of_a_topic_that_is_listed_as_failed_stays(room: Mailroom) -> None:
    room.letter({**ENVELOPE, "source": "kafka", "record": kafka_record({"id": "a"}, offset=7)})
    room.reply = {"batchItemFailures": [{"itemIdentifier": {"partition": "topic-0", "offset": 7}}]}

    assert room.redrive() == (0, 1)


@pytest.mark.parametrize("how", ["listed", "raised"])
def test_a_letter_stays_until_its_worker_has_acknowledged_it(room: Mailroom, how: str) -> None:
    room.put("a")
    (change,) = room.changes()
    room.letter({**ENVELOPE, "record": change.raw})
    room.reply = failed(change.id) if how == "listed" else ValueError("broken")

    done = room.redrive(feed=room.feed())

    assert done == (0, 1)
    assert [letter.record_id for letter in room.peek()] == ["1"]


def test_a_refreshed_change_has_the_item_as_it_is_now(room: Mailroom) -> None:
    room.put("a", kind="broken")
    (change,) = room.changes()
    room.letter({**ENVELOPE, "record": change.raw})
    room.put("a", kind="mended")

    room.redrive(feed=room.feed(), refresh=True)

    (handed,) = room.handed
    assert handed["dynamodb"]["NewImage"]["kind"] == {"S": "mended"}
    assert handed["eventID"] == change.raw["eventID"]


def test_a_refreshed_change_of_an_item_that_is_gone_is_a_remove(room: Mailroom) -> None:
    room.put("a")
    (change,) = room.changes()
    room.letter({**ENVELOPE, "record": change.raw})
    room.aws("dynamodb").delete_item(TableName=room.table, Key={"PK": {"S": "a"}})

    room.redrive(feed=room.feed(), refresh=True)

    (handed,) = room.handed
    assert handed["eventName"] == "REMOVE"
    assert "NewImage" not in handed["dynamodb"]


def test_a_refreshed_change_that_kinesis_carried_stays_in_its_form(room: Mailroom) -> None:
    room.put("a", kind="broken")
    (change,) = room.changes()
    carried = carried_record(change, carrier=CARRIER)
    room.letter({**ENVELOPE, "record": carried.raw})
    room.put("a", kind="mended")

    room.redrive(feed=room.feed(CARRIER), refresh=True)

    (handed,) = room.handed
    inner = json.loads(b64decode(handed["kinesis"]["data"]))
    assert handed["kinesis"]["sequenceNumber"] == change.id
    assert inner["dynamodb"]["NewImage"]["kind"] == {"S": "mended"}


def test_a_refreshed_change_that_no_filter_takes_any_more_is_done(room: Mailroom) -> None:
    broken = {"dynamodb": {"NewImage": {"kind": {"S": ["broken"]}}}}
    room.put("a", kind="broken")
    (change,) = room.changes()
    room.letter({**ENVELOPE, "record": change.raw})
    room.put("a", kind="mended")

    filters = compile_filters((broken,), data_key="dynamodb")
    done = room.redrive(feed=room.feed(), filters=filters, refresh=True)

    assert done == (1, 0)
    assert room.handed == []


@pytest.mark.parametrize("carrier", [None, CARRIER])
def test_lambdas_metadata_is_read_again_from_the_stream(
    room: Mailroom, carrier: KinesisStream | None
) -> None:
    for key in "abcd":
        room.put(key)
    changes = room.changes()
    letter_for(room, changes[1:3], carrier=carrier)

    done = room.redrive(feed=room.feed(carrier))

    assert done == (1, 0)
    ids = [
        each["kinesis"]["sequenceNumber"] if carrier else each["dynamodb"]["SequenceNumber"]
        for each in room.handed
    ]
    assert ids == [changes[1].id, changes[2].id]


def letter_for(room: Mailroom, records: list[Any], *, carrier: KinesisStream | None = None) -> None:
    shard = (
        Shard(info="KinesisBatchInfo", stream_arn=carrier.stream_arn, shard_id="shardId-000000000000")
        if carrier
        else Shard(
            info="DDBStreamBatchInfo",
            stream_arn=room.stream_arn,
            shard_id="shardId-00000000000000000000-00000000",
        )
    )
    why = GivenUp(
        condition="RetryAttemptsExhausted",
        request_id="r",
        function_arn="arn",
        invocations=4,
        raised=True,
        at=time.time(),
    )
    room.letter(on_failure_record(records, shard=shard, why=why))


class Stream:
    """A Kinesis stream with records, and the letters that Lambda would write of them."""

    def __init__(self, room: Mailroom, *data: bytes) -> None:
        self.room = room
        self.kinesis: Any = room.aws("kinesis")
        self.kinesis.create_stream(StreamName=room.table, ShardCount=1)
        summary = self.kinesis.describe_stream_summary(StreamName=room.table)["StreamDescriptionSummary"]
        self.stream = KinesisStream(stream_arn=summary["StreamARN"], role_arn="role")
        self.feed = KinesisRecords(self.kinesis, stream=self.stream, clock=RealClock())
        put = [
            self.kinesis.put_record(StreamName=room.table, Data=each, PartitionKey=str(at))
            for at, each in enumerate(data)
        ]
        self.records = [staged(each["SequenceNumber"], {}, arrived_at=time.time()) for each in put]

    def redrive(self, *, refresh: bool = False) -> Redriven:
        filters = compile_filters((), data_key="data")
        return self.room.round(feed=self.feed, filters=filters, refresh=refresh)


def opened(records: list[Any]) -> list[bytes]:
    return [b64decode(each["kinesis"]["data"]) for each in records]


def test_metadata_of_a_kinesis_stream_is_read_again_from_it(room: Mailroom) -> None:
    stream = Stream(room, b"a", b"\xff", b"c", b"d")
    letter_for(room, stream.records[1:3], carrier=stream.stream)

    done = stream.redrive()

    assert (done.sent, done.kept) == (1, ())
    assert opened(room.handed) == [b"\xff", b"c"]


def test_an_enveloped_record_of_a_kinesis_stream_is_handed_to_its_worker(room: Mailroom) -> None:
    stream = Stream(room)
    record = kinesis_record({"n": 1}, stream=room.table)
    room.letter({**ENVELOPE, "source": "kinesis", "record": record})

    done = stream.redrive()

    assert (done.sent, done.kept) == (1, ())
    assert room.handed == [record]
    assert room.peek() == []


def test_metadata_whose_shard_was_split_away_stays(room: Mailroom) -> None:
    stream = Stream(room, b"a")
    letter_for(room, stream.records, carrier=stream.stream)
    stream.kinesis.split_shard(
        StreamName=room.table, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127)
    )

    done = stream.redrive()

    assert done.sent == 0
    assert "ResourceNotFoundException" in done.kept[0]
    assert len(room.peek()) == 1


def test_metadata_of_records_that_kinesis_has_forgotten_stays(room: Mailroom) -> None:
    stream = Stream(room, b"a")
    forgotten = staged(stream.records[0].id[:-1] + "0", {}, arrived_at=time.time())
    letter_for(room, [forgotten, *stream.records], carrier=stream.stream)

    done = stream.redrive()

    assert (done.sent, room.handed) == (0, [])
    assert done.kept[0].endswith("its stream has forgotten the records, or some of them.")


@pytest.mark.parametrize("data", [{"n": 1}, [1], b"\xff"])
def test_what_is_no_table_change_cannot_be_refreshed_and_stays(room: Mailroom, data: Any) -> None:
    stream = Stream(room)
    room.letter({**ENVELOPE, "record": kinesis_record(data, stream=room.table)})

    done = stream.redrive(refresh=True)

    assert (done.sent, room.handed) == (0, [])
    assert done.kept[0].endswith("its record carries no table change; leave out --refresh.")


def test_a_letter_that_stays_keeps_those_behind_it_in_its_group(aws: AwsClients, unique: Unique) -> None:
    room = Mailroom(aws, unique("ordered"), fifo=True)
    theirs = {"deadLetterReason": text(json.dumps({**REASON, "worker": "other.one"}))}
    room.letter("a1", MessageGroupId="a", MessageDeduplicationId="1", MessageAttributes=theirs)
    room.letter("a2", MessageGroupId="a", MessageDeduplicationId="2")
    room.letter("b1", MessageGroupId="b", MessageDeduplicationId="3")

    done = room.redrive(queue_url=room.queue)

    assert done == (1, 2)
    assert [each["Body"] for each in room.received()] == ["b1"]


def test_a_letter_that_is_asked_for_does_not_overtake_others_of_its_group(
    aws: AwsClients, unique: Unique
) -> None:
    room = Mailroom(aws, unique("ordered"), fifo=True)
    for at, (body, group) in enumerate((("a1", "a"), ("a2", "a"), ("b1", "b"))):
        room.letter(body, MessageGroupId=group, MessageDeduplicationId=str(at))
    ids = {letter.body: letter.message_id for letter in room.peek()}

    second = room.round(queue_url=room.queue, wanted=ids["a2"])
    alone = room.round(queue_url=room.queue, wanted=ids["b1"])

    assert (second.sent, second.missed) == (0, 0)
    assert "an earlier one of its group stays" in second.kept[0]
    assert (alone.sent, alone.kept, alone.missed) == (1, (), 0)
    assert [each["Body"] for each in room.received()] == ["b1"]


def test_metadata_of_records_that_the_stream_has_forgotten_stays(room: Mailroom) -> None:
    room.put("a")
    (change,) = room.changes()
    forgotten = change_record(
        {
            "eventName": "INSERT",
            "awsRegion": "us-east-1",
            "dynamodb": {"Keys": {"PK": {"S": "z"}}, "SequenceNumber": "1" * 21},
        },
        stream_arn=room.stream_arn,
        created_at=change.arrived_at,
    )
    letter_for(room, [forgotten])

    done = room.redrive(feed=room.feed())

    assert done == (0, 1)
    assert len(room.peek()) == 1


def test_a_letter_of_another_worker_stays_and_keeps_no_other(room: Mailroom) -> None:
    room.letter(
        "theirs", MessageAttributes={"deadLetterReason": text(json.dumps({**REASON, "worker": "other.one"}))}
    )
    room.letter("ours")

    done = room.redrive(queue_url=room.queue)

    assert done == (1, 1)
    assert [each["Body"] for each in room.received()] == ["ours"]


def test_many_letters_go_in_one_run(room: Mailroom) -> None:
    for at in range(25):
        room.letter(str(at))

    done = room.redrive(queue_url=room.queue)

    assert done == (25, 0)


def test_peeking_leaves_all_letters_and_reads_their_reasons(room: Mailroom) -> None:
    for at in range(12):
        room.letter(str(at), MessageAttributes={"deadLetterReason": text(json.dumps(REASON))})

    first, second = room.peek(), room.peek()

    assert sorted(letter.body for letter in first) == sorted(letter.body for letter in second)
    assert len(first) == 12
    assert {(letter.form, letter.worker, letter.code, letter.error) for letter in first} == {
        ("original", WORKER, "BAD", "bad")
    }


ODD: tuple[dict[str, Any], ...] = (
    {"MessageAttributes": {"deadLetterReason": text("gone")}},
    {"MessageAttributes": {"deadLetterReason": text("[]")}},
    {"MessageAttributes": {"deadLetterReason": {"DataType": "Binary", "BinaryValue": b"{}"}}},
    {"MessageBody": '{"requestContext":1,"KinesisBatchInfo":{}}'},
    {"MessageBody": "[" * 100_000},
)


def test_odd_letters_are_listed_and_stay_and_keep_no_other(room: Mailroom) -> None:
    for odd in ODD:
        room.aws("sqs").send_message(**{"QueueUrl": room.dlq, "MessageBody": "odd", **odd})
    room.letter("ours")

    listed = room.peek()
    done = room.round(queue_url=room.queue)

    assert sorted(letter.code for letter in listed) == ["MAX_RECEIVES", *[UNREADABLE] * len(ODD)]
    assert (done.sent, len(done.kept), done.missed) == (1, len(ODD), 0)
    assert all("it fits no form of dead letter: " in why for why in done.kept)
    assert [each["Body"] for each in room.received()] == ["ours"]
    assert len(room.peek()) == len(ODD)


@pytest.mark.parametrize(
    "packed", [{"record": []}, {"recordGzip": "none"}, {"recordGzip": b64encode(b"x").decode()}, {}]
)
def test_an_envelope_without_a_record_stays_and_keeps_no_other(
    room: Mailroom, packed: dict[str, Any]
) -> None:
    room.letter({**ENVELOPE, **packed})
    room.letter("ours")

    done = room.redrive(queue_url=room.queue)

    assert done == (1, 1)
    assert len(room.peek()) == 1


def test_what_an_error_says_about_people_is_not_passed_on(room: Mailroom) -> None:
    room.put("a")
    (change,) = room.changes()
    room.letter({**ENVELOPE, "record": change.raw})
    room.reply = ValueError("fan@example.com has no money")

    done = room.round(feed=room.feed())

    (why,) = done.kept
    assert why.startswith("1: ValueError: ")
    assert "fan@example.com" not in why


def test_an_abort_half_way_puts_back_what_was_not_sent(room: Mailroom) -> None:
    for key in "abc":
        room.put(key)
    for change in room.changes():
        room.letter({**ENVELOPE, "record": change.raw})
    room.reply = KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt):
        room.redrive(feed=room.feed())

    assert len(room.peek()) == 3


def test_letters_that_were_seen_and_are_not_met_are_counted(room: Mailroom) -> None:
    room.letter("here")

    done = room.round(queue_url=room.queue, seen=3)

    assert (done.sent, done.kept, done.missed) == (1, (), 2)
