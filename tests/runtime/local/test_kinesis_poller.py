"""The poller of a Kinesis stream against a real one: order, retries, checkpoints, splits, what is left."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from conformance import snapshot
from staged import SPEED, WORKER, ScriptedFunction, StreamStand, eventually, failed, until_idle
from worker_runtime import Kinesis
from worker_runtime.local.stage.polling.kinesis_form import KinesisStream
from worker_runtime.local.stage.polling.kinesis_records import KinesisRecords

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_sqs import SQSClient

    from worker_runtime.local.stage.polling.stream_poller import StreamPoller

    Unique = Callable[[str], str]

ROLE = "arn:aws:iam::000000000000:role/local-worker"
RECORDED = "kinesis__TestKinesisSource_test_kinesis_"
EVERYTHING = 2**128


class Streamed(StreamStand):
    """A Kinesis stream."""

    def __init__(self, kinesis: KinesisClient, sqs: SQSClient, *, name: str, folder: Path) -> None:
        super().__init__(sqs, name=name, folder=folder)
        self.kinesis = kinesis
        self.name = name
        self.make()

    def make(self, *, shards: int = 1) -> None:
        self.kinesis.create_stream(StreamName=self.name, ShardCount=shards)
        summary = self.kinesis.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]
        self.stream_arn = summary["StreamARN"]

    def again(self, *, shards: int) -> None:
        """Make the stream anew."""
        self.kinesis.delete_stream(StreamName=self.name)
        self.make(shards=shards)

    def put(self, *data: bytes | str, key: str = "1") -> None:
        for each in data:
            raw = each.encode() if isinstance(each, str) else each
            self.kinesis.put_record(StreamName=self.name, Data=raw, PartitionKey=key)

    def shard_ids(self) -> list[str]:
        return [each["ShardId"] for each in self.kinesis.list_shards(StreamName=self.name)["Shards"]]

    def split(self, shard_id: str) -> None:
        self.kinesis.split_shard(
            StreamName=self.name, ShardToSplit=shard_id, NewStartingHashKey=str(EVERYTHING // 2)
        )

    def poll(self, function: ScriptedFunction, *, twice: bool = False, **settings: Any) -> StreamPoller:
        source = Kinesis("things", dead_letters="dlq", **settings)
        stream = KinesisStream(stream_arn=self.stream_arn, role_arn=ROLE)
        feed = KinesisRecords(self.kinesis, stream=stream, clock=self.clock)
        return self.hand_to(function, source=source, feed=feed, twice=twice)


@pytest.fixture
def streamed(kinesis: KinesisClient, sqs: SQSClient, unique: Unique, tmp_path: Path) -> Iterator[Streamed]:
    """Make a stream of one shard."""
    made = Streamed(kinesis, sqs, name=unique("things"), folder=tmp_path)
    yield made
    made.stop()


def data(records: list[Any]) -> list[str]:
    return [b64decode(record["kinesis"]["data"]).decode() for record in records]


def sequences(records: list[Any]) -> list[str]:
    return [record["kinesis"]["sequenceNumber"] for record in records]


def shards(records: list[Any]) -> set[str]:
    return {record["eventID"].partition(":")[0] for record in records}


def refuse(_: list[Any]) -> None:
    raise ValueError("poison")


def test_latest_takes_what_is_put_from_now_on_in_order(streamed: Streamed) -> None:
    function = ScriptedFunction()
    streamed.put("before")

    poller = streamed.poll(function)
    streamed.put("a", "b", "c")
    until_idle(poller)

    assert data(function.records) == ["a", "b", "c"]


def test_trim_horizon_takes_all_that_the_stream_has_in_batches(streamed: Streamed) -> None:
    function = ScriptedFunction()
    streamed.put(*"abcde")

    until_idle(streamed.poll(function, start="TRIM_HORIZON", batch_size=2))

    assert [data(batch) for batch in function.batches] == [["a", "b"], ["c", "d"], ["e"]]


def test_all_shards_are_read_each_in_its_order(streamed: Streamed) -> None:
    streamed.again(shards=2)
    function = ScriptedFunction()
    for at in range(5):
        for key in "abcdef":
            streamed.put(f"{key}{at}", key=key)

    until_idle(streamed.poll(function, start="TRIM_HORIZON", batch_size=4))

    assert len(shards(function.records)) == 2
    assert all(len(shards(batch)) == 1 for batch in function.batches)
    for key in "abcdef":
        assert [each for each in data(function.records) if each[0] == key] == [f"{key}{n}" for n in range(5)]


def test_a_record_is_in_the_shape_that_lambda_was_recorded_to_send(streamed: Streamed) -> None:
    recorded = snapshot("kinesis__TestKinesisSource_test_create_kinesis_event_source_mapping")
    theirs = recorded["kinesis_records"]["Records"][0]
    function = ScriptedFunction()
    streamed.put("hello", key="test_0")

    until_idle(streamed.poll(function, start="TRIM_HORIZON"))

    (ours,) = function.records
    assert ours.keys() == theirs.keys()
    assert ours["kinesis"].keys() == theirs["kinesis"].keys()
    for constant in ("eventName", "eventSource", "eventVersion"):
        assert ours[constant] == theirs[constant]
    for constant in ("data", "kinesisSchemaVersion", "partitionKey"):
        assert ours["kinesis"][constant] == theirs["kinesis"][constant]
    assert ours["eventID"] == f"shardId-000000000000:{ours['kinesis']['sequenceNumber']}"
    assert (ours["eventSourceARN"], ours["invokeIdentityArn"]) == (streamed.stream_arn, ROLE)


def test_any_bytes_arrive_as_they_were_put(streamed: Streamed) -> None:
    function = ScriptedFunction()
    poison = [b"\xff\xfe", b"{not json", b"\x00", b"[" * 5_000]
    streamed.put(*poison)

    until_idle(streamed.poll(function, start="TRIM_HORIZON"))

    assert [b64decode(each["kinesis"]["data"]) for each in function.records] == poison


def test_a_record_arrived_by_the_stage_s_clock(streamed: Streamed) -> None:
    function = ScriptedFunction()
    poller = streamed.poll(function)
    time.sleep(0.2)

    before = streamed.clock.now()
    streamed.put("a")
    after = streamed.clock.now()
    until_idle(poller)

    arrived_at = function.records[0]["kinesis"]["approximateArrivalTimestamp"]
    off_s = SPEED * 0.002  # the emulator tells milliseconds of the machine's time
    assert before - off_s <= arrived_at <= after + off_s


def test_a_partial_reply_is_followed_as_lambda_was_recorded_to_follow_it(streamed: Streamed) -> None:
    recording = snapshot(RECORDED + "report_batch_item_failures")
    theirs = recording["sqs_payload"]["Messages"][0]["Body"]
    function = ScriptedFunction(
        lambda records: failed(*sequences([each for each in records if "true" in data([each])[0]]))
    )
    for at in range(6):
        streamed.put(json.dumps({"should_fail": at == 5}), key=f"test_{at}")

    until_idle(streamed.poll(function, start="TRIM_HORIZON", batch_size=3, retries=3, bisect=False))

    (ours,) = streamed.given_up()
    assert keys(function.records) == keys(recording["kinesis_records"]["Records"])
    assert ours["requestContext"].keys() == theirs["requestContext"].keys()
    for name in ("condition", "approximateInvokeCount"):
        assert ours["requestContext"][name] == theirs["requestContext"][name]
    assert ours["responseContext"] == theirs["responseContext"]
    assert ours["KinesisBatchInfo"].keys() == theirs["KinesisBatchInfo"].keys()
    for name in ("shardId", "batchSize"):
        assert ours["KinesisBatchInfo"][name] == theirs["KinesisBatchInfo"][name]


def keys(records: list[Any]) -> list[str]:
    return [record["kinesis"]["partitionKey"] for record in records]


def test_what_is_given_up_is_told_as_lambda_was_recorded_to_tell_it(streamed: Streamed) -> None:
    recording = snapshot(RECORDED + "event_source_mapping_with_on_failure_destination_config")
    theirs = recording["sqs_payload"]["Messages"][0]["Body"]
    streamed.put("a")

    until_idle(streamed.poll(ScriptedFunction(refuse), start="TRIM_HORIZON", retries=1))

    (ours,) = streamed.given_up()
    assert ours.keys() == theirs.keys()
    assert ours["requestContext"].keys() == theirs["requestContext"].keys()
    assert ours["requestContext"]["approximateInvokeCount"] == 2
    assert ours["responseContext"] == theirs["responseContext"]
    assert ours["KinesisBatchInfo"].keys() == theirs["KinesisBatchInfo"].keys()
    assert ours["KinesisBatchInfo"]["streamArn"] == streamed.stream_arn


def test_records_that_are_too_old_are_given_up_without_a_try_as_recorded(streamed: Streamed) -> None:
    recording = snapshot(RECORDED + "maximum_record_age_exceeded_expire_before_ingestion")
    theirs = recording["record_age_exceeded_payload"]["Messages"][0]["Body"]
    function = ScriptedFunction()
    streamed.put("old")
    time.sleep(1.7)  # 170 s of the stage's time
    streamed.put("new")

    until_idle(streamed.poll(function, start="TRIM_HORIZON", max_age_s=150))

    (ours,) = streamed.given_up()
    assert data(function.records) == ["new"]
    assert ours.keys() == theirs.keys()
    for name in ("condition", "approximateInvokeCount"):
        assert ours["requestContext"][name] == theirs["requestContext"][name]


def test_a_record_that_grows_too_old_while_it_is_retried_is_given_up(streamed: Streamed) -> None:
    function = ScriptedFunction(refuse)
    poller = streamed.poll(function, retries=-1, max_age_s=60)

    streamed.put("a")
    until_idle(poller)

    (letter,) = streamed.given_up()
    assert letter["requestContext"]["condition"] == "RecordAgeExceeded"
    assert letter["requestContext"]["approximateInvokeCount"] == len(function.batches) > 1


def test_bisect_isolates_a_poison_record_and_the_others_are_done(streamed: Streamed) -> None:
    streamed.put(*"abcdef")

    def refuse_one(records: list[Any]) -> None:
        if "e" in data(records):
            raise ValueError("poison")

    function = ScriptedFunction(refuse_one)
    until_idle(streamed.poll(function, start="TRIM_HORIZON", retries=1))

    done = [data(batch) for batch in function.batches if "e" not in data(batch)]
    (letter,) = streamed.given_up()
    poison = next(each for each in function.records if data([each]) == ["e"])
    info = letter["KinesisBatchInfo"]
    assert sorted(each for batch in done for each in batch) == ["a", "b", "c", "d", "f"]
    assert info["startSequenceNumber"] == info["endSequenceNumber"] == sequences([poison])[0]
    assert streamed.tally.by_worker()[WORKER].dead_letters == 1


def test_only_what_a_filter_of_the_data_takes_is_handed_over(streamed: Streamed) -> None:
    function = ScriptedFunction()
    streamed.put('{"kind":"wanted","n":1}', '{"kind":"other"}', "no json", b"\xff", '{"kind":"wanted","n":2}')

    wanted = {"data": {"kind": ["wanted"]}}
    until_idle(streamed.poll(function, start="TRIM_HORIZON", filters=(wanted,)))

    assert [json.loads(each)["n"] for each in data(function.records)] == [1, 2]


def test_lanes_of_one_shard_run_side_by_side_and_keep_the_order_of_each_partition_key(
    streamed: Streamed,
) -> None:
    for at in range(5):
        for key in "abcd":
            streamed.put(f"{key}{at}", key=key)

    function = ScriptedFunction(lambda _: time.sleep(0.01))
    until_idle(streamed.poll(function, start="TRIM_HORIZON", parallelization=3, batch_size=3))

    assert len(function.records) == 20
    for key in "abcd":
        assert [each for each in data(function.records) if each[0] == key] == [f"{key}{n}" for n in range(5)]


def test_a_batch_that_went_well_may_be_delivered_twice(streamed: Streamed) -> None:
    streamed.put("a")
    function = ScriptedFunction()

    until_idle(streamed.poll(function, start="TRIM_HORIZON", twice=True))

    assert data(function.records) == ["a", "a"]


def test_a_poller_goes_on_where_an_earlier_one_stopped(streamed: Streamed) -> None:
    first, second = ScriptedFunction(), ScriptedFunction()

    poller = streamed.poll(first)
    streamed.put("a")
    until_idle(poller)
    poller.stop()
    streamed.put("b")
    until_idle(streamed.poll(second))

    assert (data(first.records), data(second.records)) == (["a"], ["b"])


def test_the_first_batch_of_all_is_not_forgotten_when_it_was_cut_short(streamed: Streamed) -> None:
    second = ScriptedFunction()

    def be_killed(_: list[Any]) -> None:
        time.sleep(0.2)
        raise RuntimeError("killed")

    first = ScriptedFunction(be_killed)
    poller = streamed.poll(first, retries=0)
    streamed.put("a", "b")
    eventually(lambda: first.batches)
    poller.stop()
    until_idle(streamed.poll(second))

    assert data(second.records) == ["a", "b"]
    assert streamed.given_up() == []


def test_a_stream_that_was_made_anew_is_read_from_its_start(streamed: Streamed) -> None:
    first, second = ScriptedFunction(), ScriptedFunction()
    streamed.put("a")
    poller = streamed.poll(first, start="TRIM_HORIZON")
    until_idle(poller)
    poller.stop()

    time.sleep(1.1)  # the emulator tells in whole seconds when a stream was made
    streamed.again(shards=1)
    streamed.put("b")
    until_idle(streamed.poll(second, start="TRIM_HORIZON"))

    assert data(second.records) == ["b"]


def test_the_children_of_a_shard_that_is_split_are_read_from_their_beginning(streamed: Streamed) -> None:
    function = ScriptedFunction()
    poller = streamed.poll(function)
    streamed.put(*(f"before-{key}" for key in "abcd"))
    until_idle(poller)

    streamed.split("shardId-000000000000")
    for key in "abcd":
        streamed.put(f"after-{key}", key=key)
    until_idle(poller)

    counted = Counter(data(function.records))
    assert counted == Counter(f"{when}-{key}" for when in ("before", "after") for key in "abcd")
    assert len(shards(function.records)) == 3


def test_the_child_of_shards_that_are_merged_waits_for_both(streamed: Streamed) -> None:
    streamed.again(shards=2)
    slow: list[float] = []

    def work(records: list[Any]) -> None:
        if "slow" in data(records):
            time.sleep(0.5)
            slow.append(time.monotonic())
        if "after" in data(records):
            assert slow

    function = ScriptedFunction(work)
    poller = streamed.poll(function)
    streamed.put("slow", key="1")
    eventually(lambda: function.batches)
    one, other = streamed.shard_ids()
    streamed.kinesis.merge_shards(StreamName=streamed.name, ShardToMerge=one, AdjacentShardToMerge=other)
    streamed.put("after", key="1")
    until_idle(poller)

    assert data(function.records) == ["slow", "after"]


def test_children_that_came_while_nobody_polled_are_read_from_their_beginning(streamed: Streamed) -> None:
    first, second = ScriptedFunction(), ScriptedFunction()
    poller = streamed.poll(first)
    streamed.put("before")
    until_idle(poller)
    poller.stop()

    streamed.split("shardId-000000000000")
    for key in "abcd":
        streamed.put(f"after-{key}", key=key)
    until_idle(streamed.poll(second))

    assert sorted(data(second.records)) == [f"after-{key}" for key in "abcd"]
