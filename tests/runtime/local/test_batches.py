"""Replies as Lambda reads them: recorded cases, and every malformed one."""

from __future__ import annotations

from typing import Any

import pytest

from conformance import params, recorded
from worker_runtime.local.stage.execution.answers import Crashed, Reply, TimedOut
from worker_runtime.local.stage.polling.batches import (
    AllDone,
    BatchFailed,
    SomeFailed,
    read_answer,
    read_reply,
)

IDS = ["1", "20", "3"]
CASES = [case for case in recorded("batch_cases.json") if case["kind"] == "esm_response"]


def identifiers(event: Any) -> list[str]:
    return [
        record.get("messageId")
        or (
            record["kinesis"]["sequenceNumber"]
            if "kinesis" in record
            else record["dynamodb"]["SequenceNumber"]
        )
        for record in event["Records"]
    ]


def redelivered(reading: Any, ids: list[str], *, source: str) -> list[str]:
    match reading:
        case AllDone():
            return []
        case SomeFailed() if source != "sqs":
            return ids[reading.first_of(ids) :]
        case SomeFailed(ids=listed):
            return [each for each in ids if each in listed]
    return ids


@pytest.mark.parametrize("case", params(CASES, name="name"))
def test_a_reply_is_read_as_lambda_was_recorded_to_read_it(case: dict[str, Any]) -> None:
    ids = identifiers(case["event"])

    reading = read_reply(case["function_response_text"].encode(), ids=ids)

    outcome = {AllDone: "success", SomeFailed: "partial", BatchFailed: "batch_failure"}[type(reading)]
    assert outcome == case["expected_effect"]["outcome"]
    assert redelivered(reading, ids, source=case["source"]) == case["expected_effect"]["redelivered"]


@pytest.mark.parametrize(
    "text", ["", "null", "{}", "[]", '""', '{"batchItemFailures":[]}', '{"misspelt":[1]}']
)
def test_an_empty_reply_and_one_without_the_list_are_success(text: str) -> None:
    assert read_reply(text.encode(), ids=IDS) == AllDone()


@pytest.mark.parametrize(
    "listed",
    [
        '[{"itemIdentifier":""}]',
        '[{"itemIdentifier":null}]',
        '[{"itemIdentifier":7}]',
        '[{"itemIdentifier":"unknown"}]',
        '[{"itemIdentifier":"1"},{"itemidentifier":"20"}]',
        '["1"]',
        "[null]",
        '{"itemIdentifier":"1"}',
        '"1"',
        "0",
    ],
)
def test_a_malformed_list_of_failures_fails_the_whole_batch(listed: str) -> None:
    reading = read_reply(b'{"batchItemFailures":%s}' % listed.encode(), ids=IDS)

    assert isinstance(reading, BatchFailed)
    assert not reading.raised


@pytest.mark.parametrize("text", ["{", "7", '"text"', "true", "[1]"])
def test_a_reply_that_is_no_object_fails_the_whole_batch(text: str) -> None:
    assert isinstance(read_reply(text.encode(), ids=IDS), BatchFailed)


def test_a_reply_that_is_nested_too_deeply_to_be_read_is_no_json() -> None:
    nested = b"[" * 100_000 + b"]" * 100_000

    assert read_reply(nested, ids=IDS) == BatchFailed("the reply is no JSON", raised=False)


def test_a_stream_goes_on_from_the_lowest_sequence_number_as_an_integer() -> None:
    reading = read_answer(
        Reply(b'{"batchItemFailures":[{"itemIdentifier":"20"},{"itemIdentifier":"3"}]}'), ids=IDS
    )

    assert isinstance(reading, SomeFailed)
    assert IDS[reading.first_of(IDS)] == "3"


def test_a_crash_and_a_time_out_fail_the_whole_batch_as_raised() -> None:
    crash = Crashed(error_type="Runtime.ExitError", message="signal: killed", exit_code=-9)
    late = TimedOut(error_type="Sandbox.Timedout", message="Task timed out")

    readings = [read_answer(answer, ids=IDS) for answer in (crash, late)]

    assert all(isinstance(each, BatchFailed) and each.raised for each in readings)
