"""Event patterns against what aws/event-ruler and the real EventBridge and Lambda were recorded to do."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest

from conformance import params, recorded
from worker_runtime.errors import InvalidPattern
from worker_runtime.filters import compile_filters, compile_pattern


def matched(case: dict[str, Any]) -> bool | str:
    try:
        pattern = compile_pattern(case["pattern_text"])
    except InvalidPattern:
        return "invalid_pattern"
    return pattern.matches(json.loads(case["event_text"]))


@pytest.mark.parametrize("case", params(recorded("ruler_cases.json"), name="id"))
def test_a_pattern_matches_as_event_ruler_does(case: dict[str, Any]) -> None:
    assert matched(case) == case["expect"]


@pytest.mark.parametrize("case", params(recorded("localstack_pattern_cases.json"), name="name"))
def test_a_pattern_matches_as_eventbridge_does(case: dict[str, Any]) -> None:
    assert matched(case) == case["expect"]


def records(case: dict[str, Any]) -> list[dict[str, Any]]:
    """The records that Lambda would see: one message, or a change for each item put."""
    if case["source"] == "sqs":
        return [{"messageId": "1", "body": case["record_body_text"], "eventSource": "aws:sqs"}]
    return [
        {
            "eventName": "INSERT",
            "eventSource": "aws:dynamodb",
            "dynamodb": {"Keys": {"id": item["id"]}, "NewImage": item},
        }
        for item in case["put_items"]
    ]


@pytest.mark.parametrize("case", params(recorded("esm_filter_cases.json"), name="name"))
def test_a_mapping_hands_over_what_lambda_hands_over(case: dict[str, Any]) -> None:
    data_key: Literal["body", "dynamodb"] = "body" if case["source"] == "sqs" else "dynamodb"

    if case.get("expect") == "invalid_pattern":
        with pytest.raises(InvalidPattern):
            compile_filters([case["pattern_raw"]], data_key=data_key)
    else:
        filters = compile_filters([case["pattern"]], data_key=data_key)
        taken = [filters.takes(record) for record in records(case)]
        assert sum(taken) == case.get("expect_delivered_count", int(case.get("expect", 0)))
