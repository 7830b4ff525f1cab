from __future__ import annotations

from typing import Any

from worker_runtime import Record
from worker_runtime.testing import kinesis_record
from workers_pipeline.layout import Span, object_key


def record(at: int) -> Record[Any]:
    raw = kinesis_record("x", at=at)
    return Record(raw["kinesis"]["sequenceNumber"], None, raw)


def test_a_span_reaches_from_the_lowest_to_the_highest_sequence_number() -> None:
    first, second, third = (record(at) for at in (9, 10, 100))

    spans = {Span.of(received) for received in ([first, second, third], [third, first, second])}

    assert spans == {Span("shardId-000000000000", first.id, third.id)}


def test_numbers_of_other_lengths_are_compared_as_numbers() -> None:
    spans = Span.of([Record("9", None, {"eventID": "s:9"}), Record("10", None, {"eventID": "s:10"})])

    assert spans == Span("s", "9", "10")


def test_a_record_of_the_tables_own_stream_does_not_say_its_shard() -> None:
    assert Span.of([Record("7", None, {"eventID": "0123456789abcdef"})]) == Span("table", "7", "7")


def test_a_key_says_table_partition_and_span() -> None:
    key = object_key("sale", partition_date="2026-03-01", span=Span("shardId-1", "7", "9"))

    assert key == "data-pipeline/avro/sale/partition_date=2026-03-01/shardId-1-7-9.avro"
