"""Events without personal data, in the form in which a worker takes them."""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from typing import Any
from urllib.parse import parse_qs, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker_runtime.local.recording.masking import masked, masked_text
from worker_runtime.testing import (
    firehose_event,
    http_event,
    kafka_event,
    kafka_record,
    kinesis_event,
    message,
    sns_event,
    sqs_event,
)

FAN = {"id": "7", "email": "fan@example.com", "firstName": "Ada", "note": "call +15550001234"}
SECRETS = ("fan@example.com", "Ada", "5550001")


FORMS = (
    "B",
    "BS",
    "N",
    "dataType",
    "binaryValue",
    "Value",
    "key",
    "sequencer",
    "attributes",
    "pathParameters",
)


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
                st.sampled_from(("email", "body", "data", "partitionKey", "x", *FORMS)), inner, max_size=4
            )
            | inner.map(json.dumps)
            | inner.map(lambda value: f"x={value}&token={quote_plus(str(value))} phone: {json.dumps(value)}")
        ),
        max_leaves=10,
    )
)
def test_what_is_masked_stays_as_it_is(value: Any) -> None:
    once = masked(value)

    assert masked(once) == once


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("id=7&firstName=Ada&phone=5550001", "id=7&firstName=[redacted]&phone=[redacted]"),
        ("password=a b;c=d&id=7", "password=[redacted]&id=7"),
        ("user%5Bphone%5D=1&phones[]=2", "user%5Bphone%5D=[redacted]&phones[]=[redacted]"),
        ("phone=%2B15550001234", "phone=%2B*******1234"),
        ("back=https%3A%2F%2Fx.y%3Ftoken%3D1", "back=https%3A%2F%2Fx.y%3Ftoken%3D[redacted]"),
        ("see https://x.y/?id=7&token=1 now", "see https://x.y/?id=7&token=[redacted] now"),
        ('{ user(phone: "555", apiKey: 55555) { id } }', '{ user(phone: "[redacted]", apiKey: 0) { id } }'),
        ('no: {"phone": "555", "id": 7', 'no: {"phone": "[redacted]", "id": 7'),
        (r'no: "{\"phone\": \"55\\\"5\", \"id\": 7', r'no: "{\"phone\": \"[redacted]\", \"id\": 7'),
        ('{"id":7}\n{"phone":"555"}\n', '{"id":7}\n{"phone":"[redacted]"}\n'),
        (' "{\\"phone\\":\\"555\\"}"', ' "{\\"phone\\":\\"[redacted]\\"}"'),
        ("from a=b, to: 5 at 12:30 to: 2026-01-01: all of id=7&x=a+b%20c", None),
    ],
)
def test_a_text_is_masked_by_the_names_in_it(text: str, shown: str | None) -> None:
    assert masked_text(text) == (text if shown is None else shown)


def test_a_form_in_base64_stays_a_form() -> None:
    event = http_event(b"password=hunter2&phone=5550001&id=7")

    shown = parse_qs(b64decode(masked(event)["body"]).decode())

    assert shown == {"password": ["[redacted]"], "phone": ["[redacted]"], "id": ["7"]}


def test_a_value_that_says_its_type_keeps_it() -> None:
    shown = masked(
        {"phone": {"M": {"n": {"N": "5"}, "ns": {"NS": ["5"]}, "b": {"B": "eA=="}, "s": {"S": "x"}}}}
    )

    hidden = b64encode(b"[redacted]").decode()
    assert shown == {
        "phone": {"M": {"n": {"N": "0"}, "ns": {"NS": ["0"]}, "b": {"B": hidden}, "s": {"S": "[redacted]"}}}
    }


@pytest.mark.parametrize(
    ("kind", "value"),
    [("String", "[redacted]"), ("Number", "0"), ("String.Array", '["[redacted]"]')],
)
def test_an_attribute_keeps_its_type(kind: str, value: str) -> None:
    attribute = {"phone": {"dataType": kind, "stringValue": "5"}}
    notification = {"phone": {"Type": kind, "Value": "5"}}

    assert masked(attribute) == {"phone": {"dataType": kind, "stringValue": value}}
    assert masked(notification) == {"phone": {"Type": kind, "Value": value}}


@pytest.mark.parametrize(
    ("key", "shown"),
    [("5550001234", "+*******1234"), ("Ada", "[redacted]"), ("7", "7"), ("order-5550001234", None)],
)
def test_a_key_that_may_be_a_person_s_is_masked(key: str, shown: str | None) -> None:
    kinesis = masked(kinesis_event(FAN, partition_key=key))["Records"][0]["kinesis"]
    ((kafka,),) = masked(kafka_event(kafka_record(FAN, key=key.encode())))["records"].values()
    sqs = masked({"Records": [message(FAN, group=key)]})["Records"][0]

    assert kinesis["partitionKey"] == (shown or key)
    assert b64decode(kafka["key"]).decode() == (shown or key)
    assert sqs["attributes"]["MessageGroupId"] == (shown or key)


def test_what_a_path_repeats_of_a_personal_parameter_is_masked() -> None:
    route, path, parameters = "GET /of/{lastName}/x", "/of/Ada/x", {"lastName": "Ada"}

    shown = [
        masked(http_event(route=route, path=path, path_parameters=parameters, v2=v2)) for v2 in (False, True)
    ]

    assert "Ada" not in json.dumps(shown)
    assert shown[1]["rawPath"] == "/of/[redacted]/x"


REPEATED = """
    a a= a=& phone= phone=& phone:1 phone:" \\ \\" phone:[ {} [] {}~ " %3D a=%25& ; ~ {~phone:\\
"""


@pytest.mark.parametrize("text", REPEATED.split())
def test_no_text_is_slow_to_mask(text: str) -> None:
    began = time.perf_counter()

    masked_text((text.replace("~", " ") * 300_000)[:300_000])

    assert time.perf_counter() - began < 3
