"""DynamoDB's typed JSON both ways: against recorded cases, by round trips, and at its edges."""

from __future__ import annotations

import re
from base64 import b64decode
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer
from hypothesis import given
from hypothesis import strategies as st

from conformance import params, recorded
from worker_runtime.dynamodb_json import dumps, dumps_item, loads, loads_image, projection

numbers = st.integers(-(10**38) + 1, 10**38 - 1) | st.decimals(
    -(10**18), 10**18, allow_nan=False, allow_infinity=False, places=12
)
scalars = st.none() | st.booleans() | numbers | st.text(max_size=20) | st.binary(max_size=20)
sets = (
    st.sets(st.text(max_size=5), min_size=1, max_size=4)
    | st.sets(numbers, min_size=1, max_size=4)
    | st.sets(st.binary(max_size=5), min_size=1, max_size=4)
)
values = st.recursive(
    scalars | sets,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def expected(spelled: Any) -> Any:
    """What a case's spelling of the expected value means."""
    if isinstance(spelled, list):
        return [expected(element) for element in spelled]
    if not isinstance(spelled, dict):
        return spelled
    if spelled.keys() == {"$n"}:
        return Decimal(spelled["$n"])
    if spelled.keys() == {"$bytes"}:
        return b64decode(spelled["$bytes"])
    if spelled.keys() == {"$set"}:
        return set(expected(spelled["$set"]))
    return {name: expected(value) for name, value in spelled.items()}


def has_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(has_float, value.values()))
    return any(map(has_float, value)) if isinstance(value, list | set) else isinstance(value, float)


@pytest.mark.parametrize("case", params(recorded("ddb_cases.json"), name="name"))
def test_a_typed_value_reads_as_recorded(case: dict[str, Any]) -> None:
    if case.get("raises"):
        with pytest.raises(ValueError, match=r"not|base64"):
            loads(case["typed"])
    else:
        read = loads(case["typed"])
        assert read == expected(case["expected"])
        assert type(read) is not bool or case["typed"].keys() == {"BOOL"}
        assert not has_float(read)


@given(value=values)
def test_what_is_written_reads_back_the_same(value: Any) -> None:
    assert loads(dumps(value)) == value


@given(item=st.dictionaries(st.text(max_size=5), values, max_size=5))
def test_an_item_reads_as_boto3_reads_it_but_for_its_binary_type(item: dict[str, Any]) -> None:
    deserialize: Any = TypeDeserializer().deserialize

    typed = dumps_item(item)

    assert loads_image(typed) == {name: deserialize(value) for name, value in typed.items()}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.0", 1),
        ("1E2", 100),
        ("-0", 0),
        ("-0.0", 0),
        ("+5", 5),
        ("-7", -7),
        ("1e125", 10**125),
        ("0E-200", 0),
    ],
)
def test_integral_numbers_become_ints(text: str, number: int) -> None:
    read = loads({"N": text})

    assert (type(read), read) == (int, number)


@pytest.mark.parametrize("text", ["0.1", "-2.5e-7", "0.12345678901234567890123456789012345678", "1E-130"])
def test_other_numbers_stay_exact(text: str) -> None:
    read = loads({"N": text})

    assert (type(read), read) == (Decimal, Decimal(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1_000",
        "1,5",
        "0x10",
        "NaN",
        "Infinity",
        "1e999999999",
        "1E-131",
        "²",
        "٣",
        "--1",
        5,
        None,
        True,
    ],
)
def test_what_is_no_number_of_dynamodbs_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="N takes a decimal number in text"):
        loads({"N": text})


def test_bytes_are_read_from_base64_text_and_from_boto3s_raw_bytes() -> None:
    assert loads({"B": "AAE="}) == loads({"B": b"\x00\x01"}) == b"\x00\x01"
    assert loads({"BS": ["AAE=", b"x"]}) == {b"\x00\x01", b"x"}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"a": {"S": 5}}, "'a': S takes text, not 5."),
        ({"a": {"M": {"b": {"L": [{"S": "x"}, {"N": "x"}]}}}}, "'a': 'b': [1]: N takes a decimal number"),
        ({"a": {"FOO": "x"}}, "'a': a typed value has one key of S, N, B, BOOL"),
        ({"a": {"S": "x", "N": "1"}}, "'a': a typed value has one key"),
        ({"a": {}}, "'a': a typed value has one key"),
        ({"a": "x"}, "'a': a typed value has one key"),
        ({"a": None}, "'a': a typed value has one key"),
        ({"a": {"BOOL": "true"}}, "'a': BOOL takes true or false"),
        ({"a": {"B": "YQ"}}, "'a': B takes base64 text"),
        ({"a": {"B": 1}}, "'a': B takes base64 text or bytes"),
        ({"a": {"L": {}}}, "'a': L takes a list"),
        ({"a": {"M": []}}, "'a': M takes a map"),
        ({"a": {"SS": "xyz"}}, "'a': A set takes a list"),
        ({"a": {"SS": [1]}}, "'a': S takes text"),
        (["a"], "M takes a map"),
    ],
)
def test_an_error_names_the_attribute_and_what_it_takes(typed: Any, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        loads_image(typed)


def test_a_projection_reads_only_the_attributes_it_was_made_for() -> None:
    project = projection(["a", "c"])

    assert project({"a": {"N": "1"}, "b": {"poison": "x"}}) == {"a": 1}
    with pytest.raises(ValueError, match="'c': N takes a decimal number"):
        project({"c": {"N": "x"}})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.5, "write Decimal('1.5') or Decimal(str(x))"),
        (set(), "no empty sets"),
        ({1, "a"}, "only text, only numbers or only bytes, not N and S"),
        ({1, None}, "only text, only numbers or only bytes"),
        (Decimal("NaN"), "DynamoDB has no NaN"),
        (10**38 + 1, "does not fit DynamoDB's 38 digits"),
        (Decimal("1E126"), "does not fit"),
        (object(), "no type for object"),
    ],
)
def test_what_dynamodb_cannot_hold_is_not_written(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        dumps(value)


def test_a_writing_error_names_the_attributes_on_its_way() -> None:
    with pytest.raises(ValueError, match="'a': 'b': A float"):
        dumps_item({"a": {"b": 0.1}})
