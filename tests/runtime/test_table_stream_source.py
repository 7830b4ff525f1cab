"""Table changes, from DynamoDB Streams or over Kinesis: one change either way, one checkpoint."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import Raw, Struct
from pydantic import BaseModel

from verdicts import act
from wording import says
from worker_runtime import (
    Batch,
    Change,
    Record,
    Stack,
    TableStream,
    Worker,
    worker,
)
from worker_runtime.errors import BatchFailed, DeclarationError
from worker_runtime.testing import RecordingSender, change, run_on, table_event

SHOP = Stack("shop")
STREAM = TableStream("orders", dead_letters="orders-dlq")
CARRIED = TableStream("orders", kinesis="order-stream", dead_letters="orders-dlq")
GOING_ON = TableStream("orders", dead_letters="orders-dlq", on_failure="continue")
WHOLE = TableStream("orders", dead_letters="orders-dlq", on_failure="repeat", bisect=False)


class Order(Struct):
    PK: str = ""
    verdict: str = ""
    price: Decimal | int | None = None


def worker_of(source: TableStream, seen: list[str] | None = None, **settings: Any) -> Worker[..., Any]:
    @worker(source, stack=SHOP, **settings)
    def act_on(changed: Change[Order]) -> None:
        """Do what the order asks for."""
        assert changed.new is not None
        if seen is not None:
            seen.append(changed.new.PK)
        act(changed.new.verdict)

    return act_on


def changes(*verdicts: str) -> dict[str, Any]:
    """Build a batch, one changed order a verdict."""
    return table_event(
        *(
            change(new={"PK": str(at), "verdict": verdict}, keys=["PK"], at=at)
            for at, verdict in enumerate(verdicts)
        )
    )


def carried(changed: Any, *, at: int = 0, partition_key: str = "1") -> dict[str, Any]:
    """Build a Kinesis record around a change as DynamoDB puts it there, or around any bytes."""
    data = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
    return {
        "eventSource": "aws:kinesis",
        "eventID": f"shardId-000000000000:{at}",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/prd-qa1-order-stream",
        "kinesis": {
            "sequenceNumber": str(49_000_000_000_000_000_000_000 + at),
            "partitionKey": partition_key,
            "approximateArrivalTimestamp": 1_700_000_000.5,
            "data": b64encode(data).decode(),
        },
    }


def put(new: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Build what DynamoDB puts into a Kinesis stream."""
    inner = change(new=new, keys=["PK"])
    del inner["dynamodb"]["SequenceNumber"], inner["eventSourceARN"]
    inner |= {"tableName": "prd-qa1-orders", "recordFormat": "application/json", "userIdentity": None}
    inner["dynamodb"]["ApproximateCreationDateTime"] = 1_700_000_000_123
    return inner | more


def listed(reply: Any) -> list[int]:
    return [int(item["itemIdentifier"]) % 1000 for item in reply["batchItemFailures"]]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (TableStream("orders"), "has no dead_letters; what is rejected would be lost. Name a queue."),
        (
            TableStream("orders", dead_letters="d.fifo"),
            "dead_letters is FIFO; a stream's on-failure destination cannot be.",
        ),
        (
            TableStream("orders", dead_letters="d", kinesis=""),
            "kinesis is ''; say a name of letters, digits, '-', '_' and '.'.",
        ),
        (TableStream("orders", dead_letters="d", batch_size=0), "batch_size is 0; AWS takes 1 to 10000."),
        (TableStream("orders", dead_letters="d", batch_size=10_001), "batch_size is 10001; ~"),
        (TableStream("orders", dead_letters="d", window_s=301), "window_s is 301; AWS takes 0 to 300."),
        (TableStream("orders", dead_letters="d", parallelization=11), "parallelization is 11; ~1 to 10."),
        (TableStream("orders", dead_letters="d", retries=-2), "retries is -2; AWS takes -1 to 10000."),
        (TableStream("orders", dead_letters="d", max_age_s=59), "max_age_s is 59; AWS takes 60 to 604800."),
        (TableStream("orders", dead_letters="d", max_age_s=0), "max_age_s is 0; AWS takes 60 to 604800."),
        (
            TableStream("orders", dead_letters="d", enhanced_fan_out=True),
            "enhanced_fan_out is Kinesis's; name the stream with kinesis=.",
        ),
        (
            TableStream("orders", dead_letters="d", on_failure="contine"),  # type: ignore[arg-type] # the mistake
            "on_failure is 'contine'; say one of ('stop', 'continue', 'repeat').",
        ),
        (
            TableStream("orders", dead_letters="d", on_failure="repeat"),
            "on_failure is 'repeat', and a batch that is halved is another one; say bisect=False.",
        ),
        (
            TableStream("orders", dead_letters="d", start="NOW"),  # type: ignore[arg-type] # the mistake
            "start is 'NOW'; say one of ('LATEST', 'TRIM_HORIZON').",
        ),
    ],
)
def test_settings_that_aws_refuses_or_that_lose_changes_are_refused(
    source: TableStream, expected: str
) -> None:
    with pytest.raises(DeclarationError, match=says(f"act_on: TableStream('orders') {expected}")):
        worker_of(source)


def test_a_table_without_a_name_is_refused() -> None:
    with pytest.raises(DeclarationError, match=says("act_on: TableStream('') table is ''; say a name of ~")):
        worker_of(TableStream("", dead_letters="d"))


@pytest.mark.parametrize("source", [STREAM, CARRIED], ids=["dynamodb", "kinesis"])
def test_a_bad_filter_fails_where_it_is_declared(source: TableStream) -> None:
    filters = ({"dynamodb": {"NewImage": {"n": {"N": [{"nope": 1}]}}}},)

    with pytest.raises(DeclarationError, match="nope"):
        worker_of(TableStream(source.table, kinesis=source.kinesis, dead_letters="d", filters=filters))


def test_a_change_is_the_same_whichever_way_it_came() -> None:
    seen: list[Record[Change[Order]]] = []

    @worker(STREAM, stack=SHOP)
    def look(record: Record[Change[Order]]) -> None:
        """Keep what arrives."""
        seen.append(record)

    direct = change(new={"PK": "1", "price": 7}, old={"PK": "1", "price": Decimal("6.5")}, keys=["PK"])
    direct["dynamodb"]["ApproximateCreationDateTime"] = 1_700_000_000
    over_kinesis = put({"PK": "1", "price": 7}, eventName="MODIFY")
    over_kinesis["dynamodb"]["OldImage"] = direct["dynamodb"]["OldImage"]
    run_on(look, table_event(direct))
    run_on(look, table_event(carried(over_kinesis)))

    one, other = (record.body for record in seen)
    assert (one.name, one.table) == ("MODIFY", "table")
    assert (other.name, other.table) == ("MODIFY", "prd-qa1-orders")
    for body in (one, other):
        assert body.keys == {"PK": "1"}
        assert body.new == Order("1", price=7)
        assert body.old == Order("1", price=Decimal("6.5"))
    assert one.created_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert other.created_at == datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)
    assert (one.sequence, other.sequence) == ("100000000000000000000", "")
    assert [record.id for record in seen] == ["100000000000000000000", "49000000000000000000000"]
    assert [record.attempt for record in seen] == [None, None]


@pytest.mark.parametrize(
    ("stamp", "precision", "expected_us"),
    [
        (1_700_000_000, None, 0),
        (1_700_000_000.5, None, 500_000),
        (1_700_000_000_123, None, 123_000),
        (1_700_000_000_123_456, None, 123_456),
        (1_700_000_000, "SECOND", 0),
        (1_700_000_000_123, "MILLISECOND", 123_000),
        (1_700_000_000_123_456, "MICROSECOND", 123_456),
        (1_700_000_000_123, "FORTNIGHT", 123_000),
    ],
)
def test_the_time_of_a_change_is_read_by_its_precision_else_its_magnitude(
    stamp: float, precision: str | None, expected_us: int
) -> None:
    seen: list[datetime] = []

    @worker(CARRIED, stack=SHOP)
    def look(changed: Change[Order]) -> None:
        """Keep the time."""
        seen.append(changed.created_at)

    inner = put({"PK": "1"})
    inner["dynamodb"]["ApproximateCreationDateTime"] = stamp
    if precision:
        inner["dynamodb"]["ApproximateCreationDateTimePrecision"] = precision
    run_on(look, table_event(carried(inner)))

    assert seen == [datetime(2023, 11, 14, 22, 13, 20, expected_us, tzinfo=UTC)]


def test_an_insert_has_no_old_image_and_a_removal_no_new_one() -> None:
    seen: list[tuple[str, Any, Any]] = []

    @worker(STREAM, stack=SHOP)
    def look(changed: Change[Order]) -> None:
        """Keep both images."""
        seen.append((changed.name, changed.new, changed.old))

    run_on(look, table_event(change(new={"PK": "1"}, at=1), change(old={"PK": "1"}, at=2)))

    assert seen == [("INSERT", Order("1"), None), ("REMOVE", None, Order("1"))]


class StrictOrder(BaseModel):
    PK: str
    price: int


@pytest.mark.parametrize("model", [Order, StrictOrder])
def test_a_new_image_that_does_not_fit_never_reaches_the_worker(model: Any) -> None:
    sender = RecordingSender()
    reached: list[object] = []

    def look(changed: Any) -> None:
        """Keep what arrives."""
        reached.append(changed)

    look.__annotations__["changed"] = Change[model]
    good = {"PK": "1", "price": 1}
    reply = run_on(
        worker(STREAM, stack=SHOP)(look),
        table_event(change(new=good), change(new={"PK": "2", "price": "dear"}, at=1), change(new=good, at=2)),
        sender=sender,
    )

    assert reply == {"batchItemFailures": []}
    assert len(reached) == 2
    assert [queue for queue, _ in sender.sent] == ["orders-dlq"]


def test_an_old_image_is_decoded_when_it_is_read_and_then_rejects_its_record() -> None:
    sender = RecordingSender()

    @worker(STREAM, stack=SHOP)
    def compare(changed: Change[Order]) -> None:
        """Look back where told to."""
        if changed.new and changed.new.verdict == "look":
            assert changed.old

    old = {"PK": "1", "price": "dear"}
    odd = change(new={"PK": "1", "verdict": "look"}, at=3)
    odd["dynamodb"]["OldImage"] = [1]
    reply = run_on(
        compare,
        table_event(
            change(new={"PK": "1"}, old=old),
            change(new={"PK": "1", "verdict": "look"}, old=old, at=1),
            change(new={"PK": "1", "verdict": "look"}, old={"PK": "1"}, at=2),
            odd,
        ),
        sender=sender,
    )

    assert reply == {"batchItemFailures": []}
    assert [json.loads(letter.body)["code"] for _, letter in sender.sent] == ["UNDECODABLE"] * 2


@pytest.mark.parametrize("missing", ["Keys", "ApproximateCreationDateTime"])
def test_a_change_that_lacks_what_the_worker_reads_is_rejected(missing: str) -> None:
    sender = RecordingSender()

    @worker(CARRIED, stack=SHOP)
    def look(changed: Change[Order]) -> None:
        """Read all of it."""
        assert (changed.keys, changed.created_at.year) == ({"PK": "1"}, 2023)

    broken = put({"PK": "1"})
    del broken["dynamodb"][missing]
    reply = run_on(look, table_event(carried(broken), carried(put({"PK": "1"}), at=1)), sender=sender)

    assert reply == {"batchItemFailures": []}
    assert len(sender.sent) == 1


DEEP = b'{"a":' + b"[" * 200_000
POISON: dict[str, Any] = {
    "no JSON": b"not json",
    "no UTF-8": b"\xff\xfe",
    "empty": b"",
    "deep": DEEP,
    "a list": b"[1]",
    "no change": {"tableName": "t"},
    "dynamodb is a list": put({"PK": "1"}) | {"dynamodb": [1]},
    "the image is a list": put({"PK": "1"}, dynamodb={"NewImage": [1], "Keys": {}}),
    "the event name is odd": put({"PK": "1"}, eventName="UPSERT"),
    "the event name is a list": put({"PK": "1"}, eventName=["INSERT"]),
    "no event id": {name: value for name, value in put({"PK": "1"}).items() if name != "eventID"},
    "an odd type": put({"PK": "1"}, dynamodb={"NewImage": {"PK": {"X": "1"}}}),
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
def test_poison_inside_kinesis_fails_as_itself(poison: Any) -> None:
    sender = RecordingSender()
    seen: list[str] = []
    event = table_event(
        carried(put({"PK": "first"})), carried(poison, at=1), carried(put({"PK": "last"}), at=2)
    )

    reply = run_on(worker_of(CARRIED, seen), event, sender=sender)

    ((queue, letter),) = sender.sent
    assert reply == {"batchItemFailures": []}
    assert seen == ["first", "last"]
    assert queue == "orders-dlq"
    assert json.loads(letter.body)["record"] == event["Records"][1]


def test_kinesis_data_that_is_no_base64_fails_as_itself() -> None:
    sender = RecordingSender()
    event = table_event(carried(put({"PK": "1"})), carried(b"", at=1))
    event["Records"][1]["kinesis"]["data"] = "?"

    assert run_on(worker_of(CARRIED), event, sender=sender) == {"batchItemFailures": []}
    assert len(sender.sent) == 1


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({"PK": "1", "correlationId": "c-1"}, "c-1"),
        ({"PK": "1", "correlationId": ""}, None),
        ({"PK": "1", "correlationId": "x" * 257}, None),
        ({"PK": "1", "correlationId": "\uffff"}, None),
        ({"PK": "1", "correlationId": 7}, None),
        ({"PK": "1"}, None),
    ],
)
@pytest.mark.parametrize("over_kinesis", [False, True], ids=["dynamodb", "kinesis"])
def test_a_correlation_id_comes_from_the_item_else_the_record(
    image: dict[str, Any], expected: str | None, *, over_kinesis: bool
) -> None:
    event = table_event(carried(put(image)) if over_kinesis else change(new=image))

    (record,) = STREAM.records(event)

    assert record.correlation_id == (expected or record.id)


@pytest.mark.parametrize("odd", [[1], 7, {"correlationId": 7}, {"correlationId": {"S": {}}}])
def test_an_odd_image_leaves_a_record_its_own_correlation_id(odd: Any) -> None:
    (record,) = STREAM.records(table_event(carried(put({}, dynamodb={"NewImage": odd}))))

    assert record.correlation_id == record.id


def test_a_removed_item_s_correlation_id_is_its_old_image_s() -> None:
    (record,) = STREAM.records(table_event(change(old={"PK": "1", "correlationId": "c-1"})))

    assert record.correlation_id == "c-1"


def test_a_stream_stops_at_its_first_failure_and_names_it() -> None:
    seen: list[str] = []

    reply = run_on(worker_of(STREAM, seen), changes("", "skip", "bug", "", "reject"))

    assert listed(reply) == [2]
    assert seen == ["0", "1", "2"]


@pytest.mark.parametrize("verdict", ["retry", "defer", "halt", "bug"])
def test_a_failure_at_the_first_of_several_raises_so_that_bisect_halves_the_batch(verdict: str) -> None:
    with pytest.raises(BatchFailed, match=says("record 100000000000000000000, the first of 3, failed: ~")):
        run_on(worker_of(STREAM), changes(verdict, "", ""))


@pytest.mark.parametrize("verdict", ["retry", "defer", "halt", "bug"])
def test_a_failure_of_the_only_record_is_named(verdict: str) -> None:
    assert listed(run_on(worker_of(STREAM), changes(verdict))) == [0]


def test_where_the_batch_will_raise_nothing_is_sent() -> None:
    sender = RecordingSender()

    @worker(STREAM, stack=SHOP)
    def mark(batch: Batch[Change[Order]]) -> None:
        """Fail the first, reject the others."""
        first, *others = batch
        batch.retry(first)
        for record in others:
            batch.reject(record, "TOLD_TO")

    with pytest.raises(BatchFailed):
        run_on(mark, changes("", "", ""), sender=sender)

    assert sender.sent == []


def test_dead_letters_behind_the_checkpoint_wait_for_their_turn() -> None:
    sender = RecordingSender()

    @worker(STREAM, stack=SHOP)
    def mark(batch: Batch[Change[Order]]) -> None:
        """Reject around a failure."""
        for record, verdict in zip(batch, ("reject", "", "retry", "reject"), strict=True):
            try:
                act(verdict)
            except Exception as error:
                batch.fail(record, error)

    reply = run_on(mark, changes("", "", "", ""), sender=sender)

    assert listed(reply) == [2]
    assert [json.loads(letter.body)["recordId"][-1] for _, letter in sender.sent] == ["0"]


@pytest.mark.parametrize("verdicts", [("reject", "", "retry"), ("reject", "bug", "")])
def test_a_batch_that_is_to_be_repeated_whole_is_raised_wherever_it_failed(verdicts: tuple[str, ...]) -> None:
    sender, seen = RecordingSender(), list[Any]()

    @worker(WHOLE, stack=SHOP)
    def take_all(batch: Batch[Change[Order]]) -> None:
        """Fail as the orders say."""
        seen.append([record.id[-1] for record in batch.received])
        for record in batch:
            try:
                assert record.body.new is not None
                act(record.body.new.verdict)
            except Exception as error:
                batch.fail(record, error)

    with pytest.raises(BatchFailed, match=r"of 3.* failed"):
        run_on(take_all, changes(*verdicts), sender=sender)

    assert seen == [["0", "1", "2"]]
    assert sender.sent == []


def test_a_batch_that_is_to_be_repeated_whole_is_repeated_for_a_dead_letter_too() -> None:
    broken = RecordingSender(broken=["orders-dlq"])

    with pytest.raises(BatchFailed):
        run_on(worker_of(WHOLE), changes("", "reject", ""), sender=broken)


def test_a_batch_shows_what_could_not_be_decoded_as_it_was_received() -> None:
    seen: list[Any] = []
    poison = change(new={"PK": {"no", "text"}, "verdict": "x"}, keys=[], at=1)

    @worker(WHOLE, stack=SHOP)
    def look(batch: Batch[Change[Order]]) -> None:
        """Look at all and at what is decoded."""
        seen.append(([each.id[-1] for each in batch], [each.id[-1] for each in batch.received]))

    run_on(look, table_event(change(new={"PK": "1"}, keys=["PK"]), poison))

    assert seen == [(["0"], ["0", "1"])]


@pytest.mark.parametrize("source", [STREAM, CARRIED], ids=["dynamodb", "kinesis"])
def test_images_may_be_left_the_typed_json_that_they_are(source: TableStream) -> None:
    seen: list[Any] = []
    changed = put({"PK": "1", "price": Decimal("1.50")})
    changed["dynamodb"]["OldImage"] = None
    event = {"Records": [carried(changed)]}
    if source is STREAM:
        event = table_event(change(new={"PK": "1", "price": Decimal("1.50")}, keys=["PK"]))

    @worker(source, stack=SHOP)
    def look(changed: Change[Raw]) -> None:
        """Look at both images."""
        seen.append((None if changed.new is None else json.loads(bytes(changed.new)), changed.old))

    assert listed(run_on(look, event)) == []
    assert seen == [({"PK": {"S": "1"}, "price": {"N": "1.50"}}, None)]


def test_an_image_that_is_none_is_rejected_when_it_is_left_json_too() -> None:
    sender = RecordingSender()

    @worker(CARRIED, stack=SHOP)
    def look(changed: Change[Raw]) -> None:
        """Look at the old image."""
        _ = changed.old

    poison = [put({"PK": "1"}), put({"PK": "2"})]
    poison[0]["dynamodb"]["NewImage"] = [7]
    poison[1]["dynamodb"]["OldImage"] = "x"
    reply = run_on(look, {"Records": [carried(each, at=at) for at, each in enumerate(poison)]}, sender=sender)

    assert listed(reply) == []
    assert [json.loads(letter.body)["code"] for _, letter in sender.sent] == ["UNDECODABLE"] * 2


def test_sequence_numbers_are_compared_as_integers() -> None:
    event = changes("", "bug", "", "")
    for record, number in zip(event["Records"], ("9", "10", "11", "100"), strict=True):
        record["dynamodb"]["SequenceNumber"] = number

    reply = run_on(worker_of(STREAM), event)

    assert reply == {"batchItemFailures": [{"itemIdentifier": "10"}]}


def test_a_failed_record_whose_number_is_none_makes_the_whole_batch_come_again() -> None:
    event = changes("", "bug", "")
    event["Records"][1]["dynamodb"]["SequenceNumber"] = "ten"

    with pytest.raises(BatchFailed, match="'ten' is no sequence number; the whole batch has to come again"):
        run_on(worker_of(STREAM), event)


@pytest.mark.parametrize("spoil", [{"dynamodb": {}}, {"dynamodb": 7}, {"dynamodb": None}])
def test_a_record_that_no_reply_could_name_makes_the_whole_batch_come_again(spoil: dict[str, Any]) -> None:
    event = changes("", "", "")
    event["Records"][1] |= spoil

    with pytest.raises(BatchFailed, match="a record has no sequence number, so no reply could name it"):
        run_on(worker_of(STREAM), event)


def test_a_dead_letter_is_written_before_the_next_record_starts() -> None:
    sender = RecordingSender()
    written: list[int] = []

    @worker(STREAM, stack=SHOP)
    def note(changed: Change[Order]) -> None:
        """Note what was written by then."""
        written.append(len(sender.sent))
        assert changed.new
        act(changed.new.verdict)

    assert run_on(note, changes("reject", "reject", ""), sender=sender) == {"batchItemFailures": []}

    assert written == [0, 1, 2]
    assert len(sender.sent) == 2


def test_a_dead_letter_that_cannot_be_written_is_a_retry() -> None:
    reply = run_on(
        worker_of(STREAM), changes("", "reject", ""), sender=RecordingSender(broken=["orders-dlq"])
    )

    assert listed(reply) == [1]


def test_a_stream_that_goes_on_past_a_failure_still_checkpoints_at_the_lowest() -> None:
    seen: list[str] = []

    reply = run_on(worker_of(GOING_ON, seen), changes("", "bug", "", "retry", ""))

    assert seen == ["0", "1", "2", "3", "4"]
    assert listed(reply) == [1]


def test_a_stream_that_goes_on_keeps_back_the_failed_item_s_later_changes() -> None:
    seen: list[str] = []
    event = table_event(
        change(new={"PK": "a"}, at=0),
        change(new={"PK": "b", "verdict": "bug"}, at=1),
        change(new={"PK": "b"}, at=2),
        change(new={"PK": "a"}, at=3),
    )

    run_on(worker_of(GOING_ON, seen), event)

    assert seen == ["a", "b", "a"]


def test_keys_make_one_lane_however_they_are_ordered() -> None:
    one = change(new={"PK": "1", "SK": "2"})
    other = change(new={"PK": "1", "SK": "2"}, at=1)
    other["dynamodb"]["Keys"] = dict(reversed(other["dynamodb"]["Keys"].items()))

    first, second = STREAM.records(table_event(one, other))

    assert first.lane == second.lane


def test_after_a_halt_no_lane_starts_another_record() -> None:
    seen: list[str] = []

    reply = run_on(worker_of(GOING_ON, seen), changes("", "halt", "", ""))

    assert seen == ["0", "1"]
    assert listed(reply) == [1]


def test_a_kinesis_record_with_no_change_inside_is_still_ours_to_take() -> None:
    event = table_event(carried(b"anything"))

    assert STREAM.recognises(event)
    assert CARRIED.owns(event)
    assert not STREAM.owns(event)


def test_the_arn_names_the_table() -> None:
    assert STREAM.owns(table_event(change(new={"PK": "1"}, table="prd-qa1-orders")))
    assert not STREAM.owns(table_event(change(new={"PK": "1"}, table="prd-qa1-others")))


def test_a_stream_is_granted_reading_and_its_dead_letters_and_its_spill_bucket() -> None:
    spilling = TableStream("orders", dead_letters="orders-dlq", spill_bucket="letters")

    granted = {(grant.kind, grant.name): grant.actions for grant in spilling.grants()}

    assert set(granted) == {("stream", "orders"), ("queue", "orders-dlq"), ("bucket", "letters")}
    assert "dynamodb:GetRecords" in granted["stream", "orders"]
    assert granted["bucket", "letters"] == ("s3:PutObject",)
    assert {action.partition(":")[0] for grant in CARRIED.grants() for action in grant.actions} == {
        "kinesis",
        "sqs",
    }
