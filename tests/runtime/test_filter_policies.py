"""Filter policies of SNS: what it refuses, and which messages it delivers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance import FOLDER, params, recorded
from wording import says
from worker_runtime.errors import InvalidPattern
from worker_runtime.filters import compile_policy

CASES = "sns_filter_cases.json"


def refused() -> list[dict[str, Any]]:
    file = FOLDER / CASES
    loaded = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"invalid": []}
    cases: list[dict[str, Any]] = loaded["invalid"]
    return cases


@pytest.mark.parametrize("case", params(refused(), name="step"))
def test_a_policy_that_sns_refuses_is_refused(case: Any) -> None:
    with pytest.raises(InvalidPattern):
        compile_policy(case["policy"], scope="MessageBody")


@pytest.mark.parametrize("case", params(recorded(CASES), name="name"))
def test_a_message_is_delivered_where_sns_delivers_it(case: Any) -> None:
    # some cases write a single value without its list, which SNS itself refuses
    listed = {key: [value] if isinstance(value, str) else value for key, value in case["policy"].items()}
    message = case.get("message", "")
    text = message if isinstance(message, str) else json.dumps(message)

    policy = compile_policy(listed, scope=case["scope"])

    assert policy.takes(text, case.get("message_attributes", {})) is case["expect"]


def test_binary_attributes_are_never_looked_at() -> None:
    policy = compile_policy({"photo": ["//8="]}, scope="MessageAttributes")

    assert not policy.takes("", {"photo": {"DataType": "Binary", "BinaryValue": b"\xff\xff"}})
    assert not policy.takes("", {"photo": {"Type": "Binary", "Value": "//8="}})


@pytest.mark.parametrize(
    ("policy", "scope", "expected"),
    [
        ({"a": {"b": ["c"]}}, "MessageAttributes", "~'a' is nested~; say scope MessageBody."),
        ({"a": [{"wildcard": "x*"}]}, "MessageBody", "~'a': SNS knows no 'wildcard'; there are ~"),
        ({"a": [{"prefix": {"equals-ignore-case": "x"}}]}, "MessageBody", "~'a': prefix takes text in SNS."),
        (
            {"a": [{"anything-but": {"wildcard": "x*"}}]},
            "MessageBody",
            "~anything-but takes values or prefix~",
        ),
        ({str(key): ["x"] for key in range(6)}, "MessageAttributes", "~it has 6 keys, SNS takes 5."),
        (
            {"a": {"b": {"c": ["1", "2", "3", "4"]}}, "d": {"e": ["1", "2", "3"]}, "f": ["1", "2", "3"]},
            "MessageBody",
            "~it comes to 216 combinations, SNS takes 150.",
        ),
        ({"a": ["x" * 262_144]}, "MessageBody", "~it has over 262144 bytes, SNS takes no more."),
        ({"a": ["x"]}, "Message", "Filter policy scope 'Message' is none of SNS's; ~"),
        ([1], "MessageBody", "~the pattern must be an object~"),
        (7, "MessageBody", "~the pattern must be an object~"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_sns_does_not_take_is_said(policy: Any, scope: Any, expected: str) -> None:
    with pytest.raises(InvalidPattern, match=says(expected)):
        compile_policy(policy, scope=scope)
