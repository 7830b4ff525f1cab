"""Records of a Kinesis stream: the data decoded, poison as itself, one checkpoint for a reply."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import md5
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct
from pydantic import BaseModel

from conformance import FOLDER
from verdicts import act
from wording import says
from worker_runtime import Kinesis, Record, Stack, TableStream, Worker, clock, worker
from worker_runtime.clock import SteppedClock
from worker_runtime.errors import BatchFailed, DeclarationError, UnrecognisedEvent
from worker_runtime.testing import RecordingSender, change, kinesis_event, kinesis_record, run_on, table_event

if TYPE_CHECKING:
    from pathlib import Path

SHOP = Stack("shop")
STREAM = Kinesis("order-stream", dead_letters="orders-dlq")
GOING_ON = Kinesis("order-stream", dead_letters="orders-dlq", on_failure="continue")


class Order(Struct):
    id: str
    verdict: str = ""


class StrictOrder(BaseModel):
    id: str


def worker_of(source: Kinesis, seen: list[str] | None = None, **settings: Any) -> Worker[..., Any]:
    @worker(source, stack=SHOP, **settings)
    def act_on(order: Order) -> None:
        """Do what the order asks for."""
        if seen is not None:
            seen.append(order.id)
        act(order.verdict)

    return act_on


def orders(*verdicts: str) -> dict[str, Any]:
    """Build a batch, one order a verdict."""
    return kinesis_event(*({"id": str(at), "verdict": verdict} for at, verdict in enumerate(verdicts)))


def listed(reply: Any) -> list[int]:
    return [int(item["itemIdentifier"]) % 1000 for item in reply["batchItemFailures"]]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Kinesis("orders"), "has no dead_letters; what is rejected would be lost. Name a queue."),
        (Kinesis("orders", dead_letters="d.fifo"), "dead_letters is FIFO; ~"),
        (Kinesis("orders", dead_letters="d", batch_size=10_001), "batch_size is 10001; ~"),
        (Kinesis("orders", dead_letters="d", parallelization=0), "parallelization is 0; AWS takes 1 to 10."),
        (Kinesis("orders", dead_letters="d", max_age_s=59), "max_age_s is 59; AWS takes 60 to 604800."),
        (Kinesis("orders", dead_letters="d", spill_bucket="a b"), "spill_bucket is 'a b'; ~"),
    ],
)
def test_settings_are_refused_that_any_stream_refuses(source: Kinesis, expected: str) -> None:
    with pytest.raises(DeclarationError, match=says(f"act_on: Kinesis('orders') {expected}")):
        worker_of(source)


@pytest.mark.parametrize("name", ["", "a b", "ü"])
def test_a_stream_that_no_resource_could_be_named_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match=says(f"act_on: Kinesis({name!r}) stream is {name!r}; say ~")):
        worker_of(Kinesis(name, dead_letters="d"))


def test_a_bad_filter_fails_where_it_is_declared() -> None:
    with pytest.raises(DeclarationError, match="nope"):
        worker_of(Kinesis("orders", dead_letters="d", filters=({"data": {"n": [{"nope": 1}]}},)))


def test_a_filter_that_asks_for_data_as_text_is_refused_as_kinesis_hands_over_none() -> None:
    with pytest.raises(DeclarationError, match="'data' is JSON; ask for a field of it"):
        worker_of(Kinesis("orders", dead_letters="d", filters=({"data": ["text"]},)))


def test_it_is_described_by_its_settings_and_granted_its_stream_and_its_dead_letters() -> None:
    filters = ({"data": {"kind": ["order"]}},)
    source = Kinesis("orders", dead_letters="d", spill_bucket="spilt", filters=filters, start="TRIM_HORIZON")

    described = source.describe(timeout_s=60)

    assert (described["kind"], described["name"], described["reports"]) == (
        "kinesis",
        "orders",
        "batchItemFailures",
    )
    assert (described["stream"], described["start"], described["filters"]) == (
        "orders",
        "TRIM_HORIZON",
        filters,
    )
    assert [(grant.kind, grant.name) for grant in source.grants()] == [
        ("stream", "orders"),
        ("queue", "d"),
        ("bucket", "spilt"),
    ]
    assert "kinesis:GetRecords" in source.grants()[0].actions


def aggregated(inside: bytes) -> bytes:
    return b"\xf3\x89\x9a\xc2" + inside + md5(inside, usedforsecurity=False).digest()


def test_what_the_producer_library_packed_is_a_dead_letter_under_its_own_code() -> None:
    sender = RecordingSender()
    looks_alike = b"\xf3\x89\x9a\xc2" + b"x" * 20

    @worker(STREAM, stack=SHOP)
    def take(data: bytes) -> None:
        """Take data that is none of the library's."""
        assert data in (looks_alike, b"plain")

    reply = run_on(take, kinesis_event(aggregated(b"\x0a\x01a"), looks_alike, b"plain"), sender=sender)

    assert listed(reply) == []
    assert [json.loads(letter.body)["code"] for _, letter in sender.sent] == ["KPL_AGGREGATED"]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (Order, Order("7")),
        (StrictOrder, StrictOrder(id="7")),
        (dict[str, str], {"id": "7"}),
        (str, '{"id": "7"}'),
        (bytes, b'{"id": "7"}'),
    ],
    ids=["Struct", "pydantic", "dict", "str", "bytes"],
)
def test_data_is_decoded_to_the_worker_s_type(model: Any, expected: Any) -> None:
    seen: list[object] = []

    def look(order: Any) -> None:
        """Keep what arrives."""
        seen.append(order)

    look.__annotations__["order"] = model
    run_on(worker(STREAM, stack=SHOP)(look), kinesis_event({"id": "7"}))

    assert seen == [expected]


def test_bytes_arrive_as_they_were_put() -> None:
    seen: list[bytes] = []

    @worker(STREAM, stack=SHOP)
    def look(data: bytes) -> None:
        """Keep what arrives."""
        seen.append(data)

    run_on(look, kinesis_event(b"\xff\x00", b""))

    assert seen == [b"\xff\x00", b""]


def test_a_record_says_where_it_was_when_and_in_which_lane() -> None:
    seen: list[Record[Order]] = []

    @worker(STREAM, stack=SHOP)
    def look(record: Record[Order]) -> None:
        """Keep what arrives."""
        seen.append(record)

    with clock.using(SteppedClock(1_700_000_000.5)):
        event = kinesis_event({"id": "7", "correlationId": "c-1"}, partition_key="customer-3")
    run_on(look, event)

    (record,) = seen
    assert record.id == event["Records"][0]["kinesis"]["sequenceNumber"]
    assert record.lane == "customer-3"
    assert record.sent_at == datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC)
    assert record.attempt is None
    assert record.correlation_id == "c-1"


@pytest.mark.parametrize(
    "data",
    [
        {"id": "7"},
        {"correlationId": ""},
        {"correlationId": 7},
        {"correlationId": "x" * 257},
        {"correlationId": "person@example.com"},
        ["correlationId"],
        '"correlationId"',
        '{"correlationId":',
        b"correlationId\xff",
        '{"correlationId":' + "[" * 200_000,
        b"",
    ],
)
def test_a_record_that_says_no_usable_correlation_id_has_its_own(data: Any) -> None:
    (record,) = STREAM.records(kinesis_event(data))

    assert record.correlation_id == record.id


ENVELOPE: dict[str, Any] = {
    "data is no base64": {"data": "?"},
    "data is base64 with more behind its end": {"data": "YWJj=ZGVm"},
    "data is not ASCII": {"data": "ü"},
    "data is a number": {"data": 7},
    "data is null": {"data": None},
    "data is a list": {"data": ["e30="]},
    "partition key is a list": {"partitionKey": [1], "data": "?"},
    "arrival is a text": {"approximateArrivalTimestamp": "soon", "data": "?"},
    "arrival is out of range": {"approximateArrivalTimestamp": 1e300, "data": "?"},
}


@pytest.mark.parametrize("spoil", ENVELOPE.values(), ids=ENVELOPE.keys())
def test_a_spoilt_envelope_fails_as_itself(spoil: dict[str, Any]) -> None:
    sender = RecordingSender()
    seen: list[str] = []
    event = orders("", "", "")
    event["Records"][1]["kinesis"] |= spoil

    reply = run_on(worker_of(STREAM, seen), event, sender=sender)

    ((queue, letter),) = sender.sent
    assert reply == {"batchItemFailures": []}
    assert seen == ["0", "2"]
    assert queue == "orders-dlq"
    assert json.loads(letter.body)["code"] == "UNDECODABLE"
    assert json.loads(letter.body)["record"] == event["Records"][1]


@pytest.mark.parametrize("field", ["data", "partitionKey", "approximateArrivalTimestamp"])
def test_a_record_that_lacks_a_field_blocks_no_other(field: str) -> None:
    seen: list[str] = []
    event = orders("", "", "")
    del event["Records"][1]["kinesis"][field]

    reply = run_on(worker_of(STREAM, seen), event)

    assert reply == {"batchItemFailures": []}
    assert {"0", "2"} <= set(seen)


@pytest.mark.parametrize("model", [Order, StrictOrder])
@pytest.mark.parametrize(
    "poison",
    [
        b"not json",
        b"\xff\xfe",
        b"",
        b"[1]",
        b"null",
        b'{"id": 7}',
        b'{"id": "\\ud800"}',
        b'{"a":' + b"[" * 200_000,
    ],
    ids=["no JSON", "no UTF-8", "empty", "a list", "null", "a wrong type", "a lone surrogate", "deep"],
)
def test_poison_goes_to_the_dead_letters_whole_and_its_neighbours_are_done(model: Any, poison: bytes) -> None:
    sender = RecordingSender()
    seen: list[str] = []

    def look(order: Any) -> None:
        """Keep what arrives."""
        seen.append(order.id)

    look.__annotations__["order"] = model
    event = kinesis_event({"id": "first"}, poison, {"id": "last"})
    reply = run_on(worker(STREAM, stack=SHOP)(look), event, sender=sender)

    ((queue, letter),) = sender.sent
    assert reply == {"batchItemFailures": []}
    assert seen == ["first", "last"]
    assert (queue, json.loads(letter.body)["source"]) == ("orders-dlq", "kinesis")
    assert json.loads(letter.body)["record"] == event["Records"][1]


@given(data=st.binary(max_size=100))
@example(data=b'{"id": "8"}')
def test_any_data_is_either_taken_or_dead_lettered(data: bytes) -> None:
    sender = RecordingSender()
    seen: list[str] = []

    reply = run_on(worker_of(STREAM, seen), kinesis_event({"id": "7"}, data, {"id": "9"}), sender=sender)

    assert reply == {"batchItemFailures": []}
    assert len(seen) + len(sender.sent) == 3
    assert {"7", "9"} <= set(seen)


@pytest.mark.parametrize("spoil", [{}, {"kinesis": 7}, {"kinesis": None}, {"kinesis": {}}, {"kinesis": []}])
def test_a_record_that_no_reply_could_name_makes_the_whole_batch_come_again(spoil: dict[str, Any]) -> None:
    event = orders("", "")
    event["Records"][1] = {"eventSource": "aws:kinesis", **spoil}

    with pytest.raises(BatchFailed, match="a record has no sequence number, so no reply could name it"):
        run_on(worker_of(STREAM), event)


@pytest.mark.parametrize("number", ["ten", 7.5, ["10"], None, {}])
def test_a_failed_record_whose_number_is_none_makes_the_whole_batch_come_again(number: Any) -> None:
    event = orders("", "bug", "")
    event["Records"][1]["kinesis"]["sequenceNumber"] = number

    with pytest.raises(BatchFailed):
        run_on(worker_of(STREAM), event)


def test_the_lowest_failed_record_is_the_checkpoint() -> None:
    seen: list[str] = []

    stopped = run_on(worker_of(STREAM, seen), orders("", "skip", "bug", "", "retry"))

    assert listed(stopped) == [2]
    assert seen == ["0", "1", "2"]


def test_a_source_that_goes_on_past_a_failure_keeps_back_only_its_partition_key() -> None:
    seen: list[str] = []
    plan = [("a", ""), ("b", "bug"), ("b", ""), ("a", "")]
    event = {
        "Records": [
            kinesis_record({"id": f"{key}{at}", "verdict": verdict}, at=at, partition_key=key)
            for at, (key, verdict) in enumerate(plan)
        ]
    }

    reply = run_on(worker_of(GOING_ON, seen), event)

    assert seen == ["a0", "b1", "a3"]
    assert listed(reply) == [1]


def test_a_failure_at_the_first_of_several_raises_so_that_bisect_halves_the_batch() -> None:
    with pytest.raises(BatchFailed, match=says("record ~, the first of 3, failed: ~")):
        run_on(worker_of(STREAM), orders("retry", "", ""))


def test_a_dead_letter_that_cannot_be_written_is_a_retry() -> None:
    reply = run_on(worker_of(STREAM), orders("", "reject"), sender=RecordingSender(broken=["orders-dlq"]))

    assert listed(reply) == [1]


def test_sub_records_that_share_a_sequence_number_are_listed_once() -> None:
    event = orders("", "bug", "bug")
    event["Records"][2]["kinesis"]["sequenceNumber"] = event["Records"][1]["kinesis"]["sequenceNumber"]

    assert listed(run_on(worker_of(GOING_ON), event)) == [1]


@pytest.mark.parametrize("event", [table_event(change(new={"PK": "1"})), {"Records": [7]}, {}, [], None])
def test_what_is_no_batch_of_kinesis_records_is_refused_by_name(event: Any) -> None:
    with pytest.raises(UnrecognisedEvent, match="kinesis order-stream"):
        run_on(worker_of(STREAM), event)


SAMPLES = sorted((FOLDER / "events").glob("*.json"))


@pytest.mark.parametrize("file", SAMPLES or [None], ids=lambda file: file.stem if file else "absent")
def test_of_all_sample_events_those_of_a_stream_are_taken_and_the_others_refused(file: Path | None) -> None:
    if file is None:
        pytest.skip(f"no events in {FOLDER}; WORKERS_CONFORMANCE names the folder")
    event = json.loads(file.read_text(encoding="utf-8"))

    @worker(STREAM, stack=SHOP)
    def take(data: bytes) -> None:
        """Take anything."""

    if file.stem.startswith("powertools_kinesisStream"):
        assert run_on(take, event) == {"batchItemFailures": []}
    else:
        with pytest.raises(UnrecognisedEvent):
            run_on(take, event)


def test_of_two_streams_the_arn_tells_which_one_a_batch_is_of() -> None:
    other = TableStream("orders", kinesis="changes", dead_letters="d")
    event = kinesis_event({"id": "1"}, stream="prd-qa1-order-stream")

    assert STREAM.recognises(event)
    assert other.recognises(event)
    assert STREAM.owns(event)
    assert not other.owns(event)
