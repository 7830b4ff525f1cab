"""What travels: batches that are marked, changes that are read, ids that may be carried on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from worker_runtime import Batch, Change, Defer, Halt, Record, Reject, Retry, Skip
from worker_runtime.outcomes import Deferred, Failed, Rejected, Skipped
from worker_runtime.records import carried_id, moment


def records(count: int) -> list[Record[str]]:
    return [Record("same", "body", {}) for _ in range(count)]


def changed(wire: dict[str, Any]) -> Change[dict[str, Any]]:
    return Change(id="c-1", name="MODIFY", table="orders", new=None, wire=wire, decode=dict)


def test_a_batch_worker_is_tested_with_a_batch_made_by_hand() -> None:
    first, second, third, fourth = records(4)
    batch = Batch([first, second, third, fourth])
    error = ValueError("not now")

    batch.retry(first, error, after_s=30)
    batch.reject(second, "NO_GOOD", "at all")
    batch.skip(third, "old")

    assert list(batch) == [first, second, third, fourth]
    assert len(batch) == 4
    assert batch.outcome(first) == Failed(error, 30)
    rejected = batch.outcome(second)
    assert isinstance(rejected, Rejected)
    assert (rejected.code, str(rejected.error)) == ("NO_GOOD", "NO_GOOD: at all")
    assert batch.outcome(third) == Skipped("old")
    assert batch.outcome(fourth) is None


def test_records_of_one_id_are_told_apart() -> None:
    first, second = records(2)
    batch = Batch([first, second])

    batch.skip(second, "twin")

    assert first == second
    assert batch.outcome(first) is None


def test_a_record_of_elsewhere_is_refused_by_its_id() -> None:
    batch = Batch(records(1))
    (stranger,) = records(1)

    with pytest.raises(ValueError, match="record same is not of this batch; mark the records it yields"):
        batch.skip(stranger, "twin")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Skip("x"), Skipped),
        (Retry(30), Failed),
        (Defer(30), Deferred),
        (Reject("X"), Rejected),
        (Halt("x"), Failed),
        (KeyError("x"), Failed),
    ],
)
def test_a_record_may_fail_with_any_verdict(error: Exception, kind: type) -> None:
    (record,) = records(1)
    batch = Batch([record])

    batch.fail(record, error)

    assert type(batch.outcome(record)) is kind


def test_a_record_that_says_nothing_of_itself_has_only_its_id() -> None:
    (record,) = records(1)

    assert (record.lane, record.attempt, record.sent_at, record.deferrals) == ("", None, None, 0)
    assert (record.attributes, record.correlation_id) == ({}, "same")


def test_records_and_changes_cannot_be_altered() -> None:
    (record,) = records(1)

    with pytest.raises(AttributeError):
        record.id = "other"  # type: ignore[misc] # the mistake
    with pytest.raises(AttributeError):
        changed({}).id = "other"  # type: ignore[misc] # the mistake


def test_keys_and_old_image_are_read_once_they_are_asked_for() -> None:
    change = changed({"Keys": {"PK": {"S": "1"}}, "OldImage": {"PK": {"S": "1"}}})

    assert change.keys == {"PK": "1"}
    assert change.keys is change.keys
    assert change.old == {"PK": {"S": "1"}}


@pytest.mark.parametrize(
    "wire",
    [{}, {"Keys": None}, {"Keys": [1]}, {"Keys": {"PK": {"X": "1"}}}, {"Keys": {"PK": "1"}}],
    ids=str,
)
def test_keys_that_cannot_be_read_are_a_rejection(wire: dict[str, Any]) -> None:
    with pytest.raises(Reject, match="UNDECODABLE: keys of change c-1: "):
        _ = changed(wire).keys


@pytest.mark.parametrize("stamp", [None, "now", {}, float("nan"), 1e30, -1e30], ids=str)
def test_a_time_that_is_none_is_a_rejection(stamp: Any) -> None:
    with pytest.raises(Reject, match=r"UNDECODABLE: change c-1 says .* of when it was made"):
        _ = changed({"ApproximateCreationDateTime": stamp}).created_at


@pytest.mark.parametrize("stamp", [1_700_000_000, 1_700_000_000.0, "1700000000"])
def test_a_stamp_is_a_moment_in_utc(stamp: Any) -> None:
    assert moment(stamp) == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert moment(float(stamp) * 1000, per_second=1000) == moment(stamp)


@pytest.mark.parametrize("stamp", [None, "", "soon", float("inf"), float("nan"), 10**30, []])
def test_what_is_no_stamp_is_no_moment(stamp: Any) -> None:
    assert moment(stamp) is None


@pytest.mark.parametrize("given", ["c-1", "Root=1-5759e988;a=b", "ünïcode", "x" * 256])
def test_a_short_printable_text_is_carried_on(given: str) -> None:
    assert carried_id(given) == given


@pytest.mark.parametrize("given", [None, "", 7, "x" * 257, "two\nlines", "\ud800", "\uffff", "\x7f", ["c-1"]])
def test_what_logs_and_messages_cannot_carry_is_not(given: Any) -> None:
    assert carried_id(given) is None


@pytest.mark.parametrize("named", ["jane@example.com", "+12125550141", "Bearer abc.def", "", "a\nb", 7, None])
def test_what_is_personal_or_no_text_is_no_correlation_id(named: Any) -> None:
    assert carried_id(named) is None


def test_an_id_is_carried_on_as_it_is() -> None:
    assert carried_id("order-42/a") == "order-42/a"


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ({"ApproximateCreationDateTime": 1_790_000_000_123}, 1_790_000_000_123),
        (
            {
                "ApproximateCreationDateTime": 1_790_000_000_123,
                "ApproximateCreationDateTimePrecision": "MILLISECOND",
            },
            1_790_000_000_123,
        ),
        ({"ApproximateCreationDateTime": 1_790_000_000_123_999}, 1_790_000_000_123),
        ({"ApproximateCreationDateTime": 1_790_000_000}, 1_790_000_000_000),
        ({"ApproximateCreationDateTime": 1_790_000_000.5}, 1_790_000_000_500),
        (
            {
                "ApproximateCreationDateTime": 1_790_000_000_123_456,
                "ApproximateCreationDateTimePrecision": "MICROSECOND",
            },
            1_790_000_000_123,
        ),
    ],
)
def test_a_change_tells_its_time_in_whole_milliseconds(wire: dict[str, Any], expected: int) -> None:
    assert changed(wire).created_at_ms == expected


def test_a_change_without_a_time_has_no_milliseconds() -> None:
    with pytest.raises(Reject, match="says None of when it was made"):
        _ = changed({}).created_at_ms
