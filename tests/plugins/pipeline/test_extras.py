"""What no column takes, as JSON: exact, sorted, and without personal data."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries import EMAIL, PHONE
from worker_runtime import personal, redact_text
from worker_runtime.dynamodb_json import dumps_item
from workers_pipeline.extras import extra_json, masked_json

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def without_personal_names(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_personal_names(v) for k, v in value.items() if not personal(k)}
    return [without_personal_names(each) for each in value] if isinstance(value, list) else value


@given(st.dictionaries(TEXT | st.sampled_from(["phone", "to"]), PLAIN, max_size=4))
def test_attributes_become_the_json_that_they_mean(item: dict[str, Any]) -> None:
    worded = extra_json(dumps_item(item))  # type: ignore[arg-type]  # typed values are what it makes

    assert json.loads(worded or "{}") == without_personal_names(item)


def test_numbers_keep_their_digits_and_names_are_sorted() -> None:
    image: Any = {"b": {"N": "0.10000000000000000000000000000000000001"}, "a": {"NS": ["9", "1E3"]}}

    assert extra_json(image) == '{"a":[1E3,9],"b":0.10000000000000000000000000000000000001}'


def test_binary_data_is_left_out_wherever_it_stands() -> None:
    image: Any = {
        "a": {"B": "AA=="},
        "b": {"L": [{"BS": ["AA=="]}, {"S": "x"}]},
        "c": {"M": {"d": {"B": ""}}},
    }

    assert extra_json(image) == '{"b":["x"],"c":{}}'


def test_what_is_personal_by_its_name_is_left_out_wherever_it_stands() -> None:
    image: Any = {"firstName": {"S": "Ann"}, "fan": {"M": {"homePhone": {"S": "1"}, "city": {"S": "Bonn"}}}}

    assert extra_json(image) == '{"fan":{"city":"Bonn"}}'


@pytest.mark.parametrize("value", [{}, {"S": "x", "N": "1"}, {"N": "1_0"}, {"NS": ["x"]}, {"L": [{}]}])
def test_what_is_none_of_dynamodbs_values_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        extra_json({"more": value})


def test_what_looks_personal_is_masked_and_all_else_stays_to_the_letter() -> None:
    text = json.dumps({EMAIL: [f"call\n{PHONE}", 1], "b": {"c": f"\neyJhbGciOi.J9.x {EMAIL}"}})
    text = text.replace('", 1]', '", 1.10000000000000000000001E5]')

    masked = masked_json(text)

    assert masked == (
        '{"b":{"c":"\\n[redacted] f***@e***"},'
        '"f***@e***":["call\\n+*******0199",1.10000000000000000000001E5]}'
    )


@given(st.dictionaries(TEXT, PLAIN, max_size=4))
def test_masking_a_json_text_masks_each_text_in_it(value: dict[str, Any]) -> None:
    def each(part: Any) -> Any:
        if isinstance(part, dict):
            return {redact_text(k): each(v) for k, v in part.items()}
        if isinstance(part, list):
            return [each(one) for one in part]
        return redact_text(part) if isinstance(part, str) else part

    assert json.loads(masked_json(json.dumps(value))) == each(value)
