"""The poller of a table's changes against a real stream: order, retries, checkpoints, what is given up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from conformance import snapshot
from staged import SPEED, WORKER, ScriptedFunction, StreamStand, eventually, failed, until_idle
from worker_runtime import TableStream
from worker_runtime.local.stage.execution.answers import Throttled
from worker_runtime.local.stage.polling.kinesis_form import KinesisStream
from worker_runtime.local.stage.polling.table_changes import TableChanges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_sqs import SQSClient

    from worker_runtime.local.stage.polling.stream_poller import StreamPoller

    Unique = Callable[[str], str]

CARRIER = KinesisStream(
    stream_arn="arn:aws:kinesis:us-east-1:000000000000:stream/local-things",
    role_arn="arn:aws:iam::000000000000:role/local-worker",
)


class Streamed(StreamStand):
    """A table with a stream."""

    def __init__(self, aws: tuple[Any, Any, Any], name: str, folder: Path) -> None:
        self.dynamodb, self.streams, sqs = aws
        super().__init__(sqs, name=name, folder=folder)
        self.table = name
        made = self.dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.stream_arn = made["TableDescription"]["LatestStreamArn"]

    def put(self, *keys: str, **attributes: str) -> None:
        for key in keys:
            item = {"PK": {"S": key}, "at": {"S": str(time.time_ns())}}
            item |= {name: {"S": value} for name, value in attributes.items()}
            self.dynamodb.put_item(TableName=self.table, Item=item)

    def poll(
        self,
        function: ScriptedFunction,
        *,
        carrier: KinesisStream | None = None,
        twice: bool = False,
        **settings: Any,
    ) -> StreamPoller:
        carried: Any = {"kinesis": "things"} if carrier else {}
        source = TableStream("things", dead_letters="dlq", **carried, **settings)
        feed = TableChanges(self.streams, stream_arn=self.stream_arn, clock=self.clock, carrier=carrier)
        return self.hand_to(function, source=source, feed=feed, twice=twice)


@pytest.fixture
def streamed(
    dynamodb: DynamoDBClient, streams: DynamoDBStreamsClient, sqs: SQSClient, unique: Unique, tmp_path: Path
) -> Iterator[Streamed]:
    """Make a table whose changes can be polled."""
    made = Streamed((dynamodb, streams, sqs), unique("things"), tmp_path)
    yield made
    made.stop()


def keys(records: list[Any]) -> list[str]:
    return [record["dynamodb"]["Keys"]["PK"]["S"] for record in records]


def sequences(records: list[Any]) -> list[str]:
    return [record["dynamodb"]["SequenceNumber"] for record in records]


def test_latest_takes_what_changes_from_now_on_in_order(streamed: Streamed) -> None:
    function = ScriptedFunction()
    streamed.put("before")

    poller = streamed.poll(function)
    streamed.put("a", "b", "c")
    until_idle(poller)

    assert keys(function.records) == ["a", "b", "c"]


def test_trim_horizon_takes_all_that_the_stream_has(streamed: Streamed) -> None:
    function = ScriptedFunction()
    streamed.put("a", "b")

    until_idle(streamed.poll(function, start="TRIM_HORIZON"))

    assert keys(function.records) == ["a", "b"]


def test_a_batch_is_as_large_as_the_source_says(streamed: Streamed) -> None:
    function = ScriptedFunction()
    streamed.put(*"abcde")

    until_idle(streamed.poll(function, start="TRIM_HORIZON", batch_size=2))

    assert [keys(batch) for batch in function.batches] == [["a", "b"], ["c", "d"], ["e"]]


def test_a_window_gathers_a_batch(streamed: Streamed) -> None:
    function = ScriptedFunction()

    poller = streamed.poll(function, window_s=60)
    for key in "abc":
        streamed.put(key)
        time.sleep(0.05)
    until_idle(poller)

    assert [keys(batch) for batch in function.batches] == [["a", "b", "c"]]


def test_a_change_is_in_the_shape_that_lambda_was_recorded_to_send(streamed: Streamed) -> None:
    recorded = snapshot("dynamodbstreams__TestDynamoDBEventSourceMapping_test_dynamodb_event_source_mapping")
    (theirs,) = recorded["event_logs"][0]["Records"]
    function = ScriptedFunction()
    item: Any = {"PK": {"S": "hello world"}, "binary_key": {"B": b"foobar"}}
    streamed.dynamodb.put_item(TableName=streamed.table, Item=item)

    until_idle(streamed.poll(function, start="TRIM_HORIZON"))

    (ours,) = function.records
    assert set(ours) == set(theirs)
    assert set(ours["dynamodb"]) == set(theirs["dynamodb"])
    assert ours["dynamodb"]["NewImage"]["binary_key"] == theirs["dynamodb"]["NewImage"]["binary_key"]
    assert ours["eventSourceARN"] == streamed.stream_arn


def test_a_partial_reply_goes_on_from_its_lowest_sequence_number(streamed: Streamed) -> None:
    streamed.put(*"abcd")

    function = ScriptedFunction()
    function.handle = lambda records: failed(*sequences(records)[2:]) if len(function.batches) == 1 else None
    until_idle(streamed.poll(function, start="TRIM_HORIZON"))

    assert [keys(batch) for batch in function.batches] == [["a", "b", "c", "d"], ["c", "d"]]


def test_bisect_isolates_a_poison_record_and_the_others_are_done(streamed: Streamed) -> None:
    streamed.put(*"abcdef")

    def refuse(records: list[Any]) -> None:
        if "e" in keys(records):
            raise ValueError("poison")

    function = ScriptedFunction(refuse)
    poller = streamed.poll(function, start="TRIM_HORIZON", retries=1)
    until_idle(poller)

    done = [keys(batch) for batch in function.batches if "e" not in keys(batch)]
    assert sorted(key for batch in done for key in batch) == ["a", "b", "c", "d", "f"]
    (letter,) = streamed.given_up()
    poison = next(each for each in function.records if keys([each]) == ["e"])
    info = letter["DDBStreamBatchInfo"]
    assert info["startSequenceNumber"] == info["endSequenceNumber"] == sequences([poison])[0]
    assert info["batchSize"] == 1
    assert letter["requestContext"]["approximateInvokeCount"] == 2
    assert streamed.tally.by_worker()[WORKER].dead_letters == 1


def test_without_bisect_the_whole_batch_is_given_up_after_its_retries(streamed: Streamed) -> None:
    streamed.put("a", "b")

    def refuse(_: list[Any]) -> None:
        raise ValueError("poison")

    function = ScriptedFunction(refuse)
    until_idle(streamed.poll(function, start="TRIM_HORIZON", retries=2, bisect=False))

    assert [keys(batch) for batch in function.batches] == [["a", "b"]] * 3
    assert [each["DDBStreamBatchInfo"]["batchSize"] for each in streamed.given_up()] == [2]


@pytest.mark.parametrize("raises", [True, False])
def test_what_is_given_up_is_told_as_lambda_was_recorded_to_tell_it(
    streamed: Streamed, *, raises: bool
) -> None:
    kind = "event_source_mapping" if raises else "report_batch_item_failures"
    recording = snapshot(
        "dynamodbstreams__TestDynamoDBEventSourceMapping_test_dynamodb_"
        f"{kind}_with_on_failure_destination_config"
    )
    theirs = (recording.get("destination_queue_messages") or {})["Messages"][0]["Body"]
    streamed.put("a")

    def refuse(records: list[Any]) -> Any:
        if raises:
            raise ValueError("poison")
        return failed(*sequences(records))

    until_idle(streamed.poll(ScriptedFunction(refuse), start="TRIM_HORIZON", retries=1))

    (ours,) = streamed.given_up()
    assert set(ours) == set(theirs)
    assert set(ours["requestContext"]) == set(theirs["requestContext"])
    assert ours["responseContext"] == theirs["responseContext"]
    assert set(ours["DDBStreamBatchInfo"]) == set(theirs["DDBStreamBatchInfo"])
    assert (ours["version"], ours["requestContext"]["condition"]) == ("1.0", "RetryAttemptsExhausted")


def test_records_that_are_too_old_are_given_up_without_a_try(streamed: Streamed) -> None:
    function = ScriptedFunction()
    streamed.put("old")
    time.sleep(1.7)  # 170 s of the stage's time; the emulator stamps whole seconds of the machine's
    streamed.put("new")

    until_idle(streamed.poll(function, start="TRIM_HORIZON", max_age_s=60))

    assert keys(function.records) == ["new"]
    (letter,) = streamed.given_up()
    assert letter["requestContext"]["condition"] == "RecordAgeExceeded"
    assert "responseContext" not in letter


def test_a_throttled_batch_spends_no_retry(streamed: Streamed) -> None:
    streamed.put("a")
    answers: list[Any] = [Throttled(), Throttled()]
    function = ScriptedFunction(lambda _: answers.pop() if answers else None)

    until_idle(streamed.poll(function, start="TRIM_HORIZON", retries=0))

    assert keys(function.records) == ["a", "a", "a"]
    assert streamed.given_up() == []


def test_changes_that_no_filter_takes_move_the_checkpoint(streamed: Streamed) -> None:
    wanted = {"dynamodb": {"NewImage": {"kind": {"S": ["wanted"]}}}}
    first, second = ScriptedFunction(), ScriptedFunction()
    streamed.put("a", kind="wanted")
    streamed.put("b", kind="other")

    poller = streamed.poll(first, start="TRIM_HORIZON", filters=(wanted,))
    until_idle(poller)
    poller.stop()
    until_idle(streamed.poll(second, start="TRIM_HORIZON"))

    assert keys(first.records) == ["a"]
    assert second.records == []


def test_a_poller_goes_on_where_an_earlier_one_stopped(streamed: Streamed) -> None:
    first, second = ScriptedFunction(), ScriptedFunction()

    poller = streamed.poll(first)
    streamed.put("a")
    until_idle(poller)
    poller.stop()
    streamed.put("b")
    until_idle(streamed.poll(second))

    assert (keys(first.records), keys(second.records)) == (["a"], ["b"])


def test_what_was_cut_short_when_a_poller_stopped_is_delivered_again(streamed: Streamed) -> None:
    streamed.put("a")
    second = ScriptedFunction()

    def be_killed(_: list[Any]) -> None:
        time.sleep(0.2)
        raise RuntimeError("killed")

    first = ScriptedFunction(be_killed)
    poller = streamed.poll(first, start="TRIM_HORIZON", retries=0)
    eventually(lambda: first.batches)
    poller.stop()
    until_idle(streamed.poll(second, start="TRIM_HORIZON"))

    assert keys(second.records) == ["a"]
    assert streamed.given_up() == []


def test_what_ended_well_while_a_poller_stopped_is_done(streamed: Streamed) -> None:
    streamed.put("a")
    first, second = ScriptedFunction(lambda _: time.sleep(0.2)), ScriptedFunction()

    poller = streamed.poll(first, start="TRIM_HORIZON")
    eventually(lambda: first.batches)
    poller.stop()
    until_idle(streamed.poll(second, start="TRIM_HORIZON"))

    assert second.records == []


def test_lanes_run_side_by_side_and_keep_the_order_of_each_item(streamed: Streamed) -> None:
    for _ in range(5):
        streamed.put("a", "b", "c", "d")

    function = ScriptedFunction()
    until_idle(streamed.poll(function, start="TRIM_HORIZON", parallelization=3, batch_size=3))

    assert len(function.records) == 20
    for key in "abcd":
        own = [int(each) for each in sequences([each for each in function.records if keys([each]) == [key]])]
        assert own == sorted(own)


def test_one_lane_that_retries_does_not_hold_up_the_others(streamed: Streamed) -> None:
    streamed.put(*"abcdefgh")

    def refuse(records: list[Any]) -> None:
        if "a" in keys(records):
            raise ValueError("poison")

    function = ScriptedFunction(refuse)
    poller = streamed.poll(function, start="TRIM_HORIZON", parallelization=4, retries=-1)

    eventually(lambda: set(keys(function.records)) >= set("bcdefgh"))
    assert poller.busy()


def test_a_batch_that_went_well_may_be_delivered_twice(streamed: Streamed) -> None:
    streamed.put("a")
    function = ScriptedFunction()

    until_idle(streamed.poll(function, start="TRIM_HORIZON", twice=True))

    assert keys(function.records) == ["a", "a"]


def test_a_worker_of_a_kinesis_stream_sees_what_kinesis_carries(streamed: Streamed) -> None:
    source = TableStream("things", kinesis="things", dead_letters="dlq")
    function = ScriptedFunction()
    streamed.put("a", kind="wanted")
    before = streamed.clock.now()

    until_idle(streamed.poll(function, carrier=CARRIER, start="TRIM_HORIZON"))

    event = {"Records": function.records}
    assert source.recognises(event)
    assert source.owns(event)
    (record,) = source.records(event)
    change = source.decoder(worker_change())(record)
    assert (change.name, change.table, change.keys) == ("INSERT", streamed.table, {"PK": "a"})
    assert change.new["kind"] == "wanted"
    assert abs(change.created_at.timestamp() - before) < 2 * SPEED
    assert function.records[0]["kinesis"]["partitionKey"]
    assert change.wire["ApproximateCreationDateTimePrecision"] == "MILLISECOND"


def worker_change() -> Any:
    from worker_runtime import Change  # noqa: PLC0415 - the type is needed here alone

    return Change[dict[str, Any]]


def test_filters_of_a_kinesis_stream_are_what_data_holds(streamed: Streamed) -> None:
    inserted = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["wanted"]}}}}
    function = ScriptedFunction()
    streamed.put("a", kind="wanted")
    streamed.put("a", kind="wanted")
    streamed.put("b", kind="other")

    until_idle(streamed.poll(function, carrier=CARRIER, start="TRIM_HORIZON", filters=(inserted,)))

    assert len(function.records) == 1


def test_what_a_kinesis_worker_leaves_is_told_as_kinesis_would(streamed: Streamed) -> None:
    streamed.put("a")

    def refuse(_: list[Any]) -> None:
        raise ValueError("poison")

    until_idle(streamed.poll(ScriptedFunction(refuse), carrier=CARRIER, start="TRIM_HORIZON", retries=0))

    (letter,) = streamed.given_up()
    assert letter["KinesisBatchInfo"]["streamArn"] == CARRIER.stream_arn


def test_changes_of_one_second_keep_their_order_in_time(streamed: Streamed) -> None:
    function = ScriptedFunction()
    for _ in range(5):
        streamed.put("a")

    until_idle(streamed.poll(function, carrier=CARRIER, start="TRIM_HORIZON"))

    source = TableStream("things", kinesis="things", dead_letters="dlq")
    decode = source.decoder(worker_change())
    times = [decode(each).created_at for each in source.records({"Records": function.records})]
    assert times == sorted(set(times))
