"""Dead letters as people may read them."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode, b64encode
from typing import Any

import pytest

from worker_runtime.local.dead_letters.readable import readable, readable_record
from worker_runtime.testing import http_event, kafka_record, kinesis_record, sns_event


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"id": "7", "phone": "+15550001234"}, {"id": "7", "phone": "+*******1234"}),
        ("call +15550001234", "call +*******1234"),
        ([1], [1]),
        (b"phone=5550001&id=7", "phone=[redacted]&id=7"),
        (b"\xff\xfe", "[redacted]"),
        (b"[" * 200_000, "[redacted]"),
    ],
    ids=["JSON", "text", "a list", "a form", "bytes", "deep"],
)
def test_what_kinesis_carried_is_opened_and_masked(data: Any, expected: Any) -> None:
    read = readable(json.dumps({"code": "BAD", "record": kinesis_record(data)}))

    assert read["record"]["kinesis"]["data"] == expected
    assert read["code"] == "BAD"


def test_data_that_is_no_base64_is_shown_as_it_is() -> None:
    record = kinesis_record("x")
    record["kinesis"]["data"] = "?"

    assert readable(json.dumps({"record": record}))["record"]["kinesis"]["data"] == "?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"email":"fan@example.com"}', {"email": "f***@e***"}),
        ("not json of fan@example.com", "not json of f***@e***"),
        ('{"record":7}', {"record": 7}),
        ('{"headers":{"set-cookie":"sid=abc"}}', {"headers": {"set-cookie": "[redacted]"}}),
        ('"{\\"phone\\":\\"555\\"}"', '{"phone":"[redacted]"}'),
        ("phone=5550001&id=7", "phone=[redacted]&id=7"),
        ("[" * 100_000, "[redacted]"),
        ("[" * 900 + "]" * 900, "[redacted]"),
    ],
)
def test_any_body_is_masked(text: str, expected: Any) -> None:
    assert readable(text) == expected


def test_what_kafka_carried_is_opened_and_masked() -> None:
    record = kafka_record({"phone": "5550001"}, key=b"Ada")

    read = readable(json.dumps({"record": record}))["record"]

    assert read["value"] == {"phone": "[redacted]"}
    assert read["key"] == "Ada"


def test_a_body_in_base64_inside_of_an_event_that_lambda_gave_up_is_masked() -> None:
    request = {**http_event(), "body": b64encode(b"phone=5550001").decode(), "isBase64Encoded": True}

    read = readable(json.dumps({"requestContext": {}, "requestPayload": request}))

    assert b64decode(read["requestPayload"]["body"]) == b"phone=[redacted]"


def test_a_record_that_was_compressed_is_opened_and_masked() -> None:
    packed = b64encode(gzip.compress(json.dumps(kinesis_record({"phone": "5550001"})).encode())).decode()

    read = readable(json.dumps({"code": "BAD", "recordGzip": packed}))

    assert read["recordGzip"]["kinesis"]["data"] == {"phone": "[redacted]"}


@pytest.mark.parametrize("packed", ["?", "eA==", b64encode(gzip.compress(b"{}", mtime=0)[:-9]).decode()])
def test_what_was_compressed_and_cannot_be_opened_is_left_out(packed: str) -> None:
    assert readable(json.dumps({"recordGzip": packed})) == {"recordGzip": "[redacted]"}


def test_a_record_by_itself_is_read_as_one_in_its_letter() -> None:
    (topic,) = sns_event({"phone": "5550001"})["Records"]
    carried = kinesis_record({"phone": "5550001"})

    assert readable_record(topic)["Sns"]["Message"] == '{"phone":"[redacted]"}'
    assert readable_record(carried)["kinesis"]["data"] == {"phone": "[redacted]"}
