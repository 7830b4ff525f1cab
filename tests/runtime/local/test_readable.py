"""Dead letters as people may read them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from worker_runtime.local.dead_letters.readable import readable
from worker_runtime.testing import kinesis_record


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"id": "7", "phone": "+15550001234"}, {"id": "7", "phone": "+*******1234"}),
        ("call +15550001234", "call +*******1234"),
        ([1], [1]),
        (b"\xff\xfe", "2 bytes"),
        (b"[" * 200_000, "[" * 200_000),
    ],
    ids=["JSON", "text", "a list", "bytes", "deep"],
)
def test_what_kinesis_carried_is_opened_and_redacted(data: Any, expected: Any) -> None:
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
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_any_body_is_redacted(text: str, expected: Any) -> None:
    assert readable(text) == expected
