"""Events without personal data, in the form in which a worker takes them."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from worker_runtime.local.recording.masking import masked
from worker_runtime.testing import (
    firehose_event,
    http_event,
    kafka_event,
    kafka_record,
    kinesis_event,
    sns_event,
    sqs_event,
)

FAN = {"id": "7", "email": "fan@example.com", "firstName": "Ada", "note": "call +15550001234"}
SECRETS = ("fan@example.com", "Ada", "5550001")


def unpacked(data: str) -> Any:
    return json.loads(b64decode(data))


def test_a_message_keeps_its_form_and_loses_its_persons() -> None:
    event = sqs_event(FAN)

    (record,) = masked(event)["Records"]

    assert not any(secret in record["body"] for secret in SECRETS)
    assert json.loads(record["body"])["id"] == "7"
    assert {**record, "body": ""} == {**event["Records"][0], "body": ""}


def test_a_topic_s_message_is_opened() -> None:
    shown = masked(sns_event(FAN))

    assert not any(secret in json.dumps(shown) for secret in SECRETS)
    assert json.loads(shown["Records"][0]["Sns"]["Message"])["id"] == "7"


def test_what_kinesis_carries_is_opened_and_closed_again() -> None:
    (record,) = masked(kinesis_event(FAN))["Records"]

    assert unpacked(record["kinesis"]["data"]) == {**masked(FAN)}
    assert not any(secret in b64decode(record["kinesis"]["data"]).decode() for secret in SECRETS)


def test_what_firehose_carries_is_opened_and_closed_again() -> None:
    (record,) = masked(firehose_event(FAN))["records"]

    assert unpacked(record["data"]) == masked(FAN)


def test_kafka_s_keys_values_and_headers_are_opened() -> None:
    record = kafka_record(FAN, key=b"fan@example.com")
    record["headers"] = [{"who": list(b"fan@example.com")}, {"token": [1, 2]}, {"odd": [-1, -2]}]

    ((shown,),) = masked(kafka_event(record))["records"].values()

    assert b64decode(shown["key"]) == b"f***@e***"
    assert unpacked(shown["value"]) == masked(FAN)
    assert [bytes(each % 256 for each in next(iter(header.values()))) for header in shown["headers"]] == [
        b"f***@e***",
        b"[redacted]",
        b"[redacted]",
    ]


def test_a_body_in_base64_is_opened() -> None:
    event = {**http_event(), "body": b64encode(json.dumps(FAN).encode()).decode(), "isBase64Encoded": True}

    shown = masked(event)

    assert unpacked(shown["body"]) == masked(FAN)


def test_bytes_that_are_no_text_are_left_out() -> None:
    (record,) = masked(kinesis_event(b"\xff\xfe fan@example.com"))["Records"]

    assert b64decode(record["kinesis"]["data"]) == b"[redacted]"


def test_what_is_not_personal_stays_byte_for_byte() -> None:
    event = sqs_event({"id": "7", "at": "2026-01-01T00:00:00Z"})

    assert masked(event) == event


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.sampled_from(SECRETS),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(("email", "body", "data", "partitionKey", "x")), inner, max_size=4
            )
            | inner.map(json.dumps)
        ),
        max_leaves=10,
    )
)
def test_what_is_masked_stays_as_it_is(value: Any) -> None:
    once = masked(value)

    assert masked(once) == once
