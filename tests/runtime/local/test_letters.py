"""A dead letter is told apart by its form; what fits none is said to be so, never raised."""

from __future__ import annotations

import json
from typing import Any

import pytest

from worker_runtime.local.dead_letters.letters import UNREADABLE, Letter, read_letter

REASON = {"worker": "shop.work", "source": "sqs", "code": "BAD", "error": "bad", "recordId": "7"}
RANGE = {"shardId": "s", "startSequenceNumber": "10", "endSequenceNumber": "12"}


def letter(body: str = "the body", *, reason: dict[str, Any] | None = None) -> Letter:
    attributes = {} if reason is None else {"deadLetterReason": reason}
    return read_letter(
        {"MessageId": "m", "ReceiptHandle": "r", "Body": body, "MessageAttributes": attributes}
    )


def text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def test_an_original_with_our_reason_says_what_its_worker_said() -> None:
    found = letter(reason=text(json.dumps(REASON)))

    assert (found.form, found.worker, found.code, found.error) == ("original", "shop.work", "BAD", "bad")
    assert found.record_id == "7"


def test_an_original_without_a_reason_was_moved_by_sqs() -> None:
    found = letter()

    assert (found.form, found.worker, found.code) == ("original", None, "MAX_RECEIVES")
    assert not found.unreadable


@pytest.mark.parametrize(("said", "error"), [("BAD: no fan", "no fan"), ("BAD", ""), ("BADLY", "BADLY")])
def test_a_code_is_not_said_twice(said: str, error: str) -> None:
    found = letter(reason=text(json.dumps({**REASON, "error": said})))

    assert (found.code, found.error) == ("BAD", error)


def test_a_reason_from_before_is_read_without_the_error_that_it_lacks() -> None:
    found = letter(reason=text('{"worker":"w","code":"c","recordId":"1"}'))

    assert (found.code, found.error) == ("c", "")


def test_an_envelope_is_one_by_its_head() -> None:
    found = letter(json.dumps({**REASON, "version": 1, "record": {}}))

    assert (found.form, found.code) == ("envelope", "BAD")


def test_a_body_that_only_resembles_an_envelope_is_an_original() -> None:
    found = letter('{"worker":"x","code":"y"}')

    assert (found.form, found.code) == ("original", "MAX_RECEIVES")


def test_a_record_of_kinesis_is_found_by_its_shard_too() -> None:
    record = {"kinesis": {"sequenceNumber": "7"}, "eventID": "export-1:a-x:7"}

    found = letter(json.dumps({**REASON, "version": 1, "record": record}))

    assert (found.shard, found.record_id) == ("export-1:a-x", "7")
    assert all(found.is_called(each) for each in ("7", "export-1", "export-1:a-x:7", "m", None))
    assert not found.is_called("export-1:a-x:8")


@pytest.mark.parametrize("record", [None, [], "text", {"eventID": "a:7"}, {"kinesis": {}, "eventID": 7}])
def test_what_has_no_shard_has_none(record: Any) -> None:
    assert letter(json.dumps({**REASON, "version": 1, "record": record})).shard == ""


@pytest.mark.parametrize("info", ["DDBStreamBatchInfo", "KinesisBatchInfo"])
def test_lambdas_metadata_says_its_condition_and_its_first_record(info: str) -> None:
    found = letter(json.dumps({"requestContext": {"condition": "RetryAttemptsExhausted"}, info: RANGE}))

    assert (found.form, found.code, found.shard) == ("metadata", "RetryAttemptsExhausted", "s")
    assert found.record_id == "10"


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ({"errorType": "ValueError", "errorMessage": "no fan"}, "ValueError: no fan"),
        ({"errorType": "Runtime.ExitError"}, "Runtime.ExitError"),
        (None, ""),
    ],
)
def test_an_event_that_lambda_gave_up_says_its_condition_and_the_last_error(failure: Any, error: str) -> None:
    context = {"condition": "RetriesExhausted", "requestId": "r-1", "functionArn": "arn"}
    body = {"version": "1.0", "requestContext": context, "requestPayload": {}, "responsePayload": failure}

    found = letter(json.dumps(body))

    assert (found.form, found.worker, found.code) == ("event", None, "RetriesExhausted")
    assert (found.record_id, found.error) == ("r-1", error)


@pytest.mark.parametrize(
    "reason",
    [
        text("no JSON"),
        text("[]"),
        text("{}"),
        text(json.dumps({**REASON, "worker": None})),
        text("[" * 100_000),
        {"DataType": "Binary", "BinaryValue": b"{}"},
    ],
    ids=["text", "list", "empty", "nobody", "deep", "binary"],
)
def test_a_reason_that_is_not_ours_makes_a_letter_unreadable(reason: dict[str, Any]) -> None:
    found = letter(reason=reason)

    assert found.unreadable
    assert (found.form, found.worker, found.code) == ("original", None, UNREADABLE)
    assert (found.record_id, found.body) == ("m", "the body")
    assert found.error.startswith("it fits no form of dead letter: ")


@pytest.mark.parametrize(
    "body",
    [
        '{"requestContext":1,"KinesisBatchInfo":{}}',
        '{"requestContext":{"condition":"c"},"KinesisBatchInfo":{}}',
        '{"requestContext":{"condition":"c"},"DDBStreamBatchInfo":null}',
        '{"requestContext":{},"requestPayload":{}}',
        '{"requestContext":{"condition":"c"},"requestPayload":{},"responsePayload":"boom"}',
        json.dumps({**REASON, "version": 1, "recordId": 7}),
        "[" * 100_000,
    ],
    ids=["no context", "no range", "null", "no condition", "no failure", "number", "deep"],
)
def test_a_body_that_only_looks_like_ours_or_lambdas_is_unreadable(body: str) -> None:
    found = letter(body)

    assert found.unreadable
    assert (found.form, found.record_id) == ("original", "m")


def test_a_worker_may_say_unreadable_itself() -> None:
    found = letter(reason=text(json.dumps({**REASON, "code": UNREADABLE})))

    assert not found.unreadable
