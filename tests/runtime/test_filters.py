"""Event patterns and the filters of event-source mappings, as a person would try them."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker_runtime.errors import InvalidPattern
from worker_runtime.filters import compile_filters, compile_pattern

plain_values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
json_values = st.recursive(
    plain_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
flat_events = st.dictionaries(st.text(max_size=4).filter("$or".__ne__), plain_values, min_size=1, max_size=4)
globs = st.text("ab*", max_size=6).filter(lambda text: "**" not in text)


def matches(pattern: Any, event: Any) -> bool:
    return compile_pattern(pattern).matches(event)


def kinesis_record(data: bytes) -> dict[str, Any]:
    inner = {"partitionKey": "user-1", "data": b64encode(data).decode()}
    return {"eventSource": "aws:kinesis", "kinesis": inner}


@given(event=flat_events)
def test_the_pattern_of_an_events_own_values_matches_it(event: dict[str, Any]) -> None:
    pattern = {name: [value] for name, value in event.items()}

    assert matches(pattern, event)


@given(event=flat_events)
def test_a_present_field_exists_and_a_missing_one_does_not(event: dict[str, Any]) -> None:
    present = {name: [{"exists": True}] for name in event}
    missing = {name: [{"exists": False}] for name in event}

    assert matches(present, event)
    assert not matches(missing, event)
    assert matches(missing, {})


@given(event=json_values)
def test_matching_never_raises_on_any_json(event: Any) -> None:
    pattern = compile_pattern(
        {
            "a": ["x", 1, None, {"exists": False}, {"prefix": {"equals-ignore-case": "ß"}}],
            "b": [{"numeric": [">", 0, "<", 10]}, {"cidr": "10.0.0.0/8"}, {"anything-but": {"suffix": "z"}}],
        }
    )

    assert pattern.matches(event) in (True, False)


@given(glob=globs, text=st.text("abc", max_size=8))
def test_a_wildcard_fits_what_the_same_regular_expression_fits(glob: str, text: str) -> None:
    expression = ".*".join(map(re.escape, glob.split("*")))

    assert matches({"a": [{"wildcard": glob}]}, {"a": text}) == bool(
        re.fullmatch(expression, text, re.DOTALL)
    )


@given(wanted=st.integers(-(10**15), 10**15) | st.decimals(-(10**9), 10**9, places=3))
def test_a_number_matches_every_spelling_that_means_it(wanted: Any) -> None:
    for spelling in (str(wanted), repr(float(wanted))):
        assert matches(f'{{"a": [{wanted}]}}', json.loads(f'{{"a": {spelling}}}'))


@given(pattern=json_values)
def test_what_is_no_pattern_is_refused_with_one_error(pattern: Any) -> None:
    try:
        compiled = compile_pattern(json.dumps(pattern))
    except InvalidPattern:
        return

    assert compile_pattern(compiled.text).text == compiled.text


def test_numbers_beyond_a_double_match_only_themselves() -> None:
    pattern = compile_pattern('{"a": [9007199254740993]}')

    assert pattern.matches({"a": 9007199254740993})
    assert not pattern.matches({"a": 9007199254740992})
    assert not pattern.matches({"a": 9007199254740992.0})


def test_several_fields_match_within_the_same_array_element() -> None:
    pattern = {"metrics": {"name": ["CPU"], "namespace": ["EC2"]}}

    apart = {"metrics": [{"name": "CPU", "namespace": "ES"}, {"name": "Reads", "namespace": "EC2"}]}
    together = {"metrics": [{"name": "Reads", "namespace": "ES"}, {"name": "CPU", "namespace": "EC2"}]}

    assert not matches(pattern, apart)
    assert matches(pattern, together)


def test_a_field_is_missing_where_its_own_element_has_none() -> None:
    pattern = {"jobs": {"id": ["1"], "owner": [{"exists": False}]}}

    assert matches(pattern, {"jobs": [{"id": "1"}, {"id": "2", "owner": "ann"}]})
    assert not matches(pattern, {"jobs": [{"id": "1", "owner": "ann"}, {"id": "2"}]})


def test_a_dotted_key_is_the_same_as_nesting() -> None:
    assert matches({"a.b": ["x"]}, {"a": {"b": "x"}})
    assert matches({"a": {"b": ["x"]}}, {"a.b": "x"})


def test_exists_is_asked_of_leaves_only() -> None:
    assert not matches({"a": [{"exists": True}]}, {"a": {"b": 1}})
    assert matches({"a": [{"exists": False}]}, {"a": {"b": 1}})


def test_anything_but_takes_null_but_not_a_missing_field() -> None:
    pattern = {"a": [{"anything-but": ["x"]}]}

    assert matches(pattern, {"a": None})
    assert not matches(pattern, {})


def test_text_is_never_a_number() -> None:
    assert not matches({"N": [{"numeric": ["=", 101]}]}, {"N": "101"})
    assert not matches({"a": ["1"]}, {"a": 1})


def test_or_is_a_choice_between_objects() -> None:
    pattern = {"source": ["orders"], "$or": [{"a": ["x"]}, {"b": [{"prefix": "y"}]}]}

    assert matches(pattern, {"source": "orders", "b": "yes"})
    assert not matches(pattern, {"source": "orders", "a": "y"})
    assert not matches(pattern, {"a": "x"})


def test_an_address_equals_its_other_spellings() -> None:
    assert matches({"ip": ["2001:db8::1"]}, {"ip": "2001:0db8:0:0:0:0:0:1"})
    assert matches({"ip": [{"cidr": "10.1.0.0/16"}]}, {"ip": "10.1.255.255"})
    assert not matches({"ip": [{"cidr": "10.1.0.0/16"}]}, {"ip": "10.2.0.0"})
    assert not matches({"ip": [{"cidr": "::/0"}]}, {"ip": "10.2.0.0"})


def test_the_last_of_two_equal_keys_counts_and_objects_are_merged() -> None:
    assert not matches('{"a": ["x"], "a": ["y"]}', {"a": "x"})
    assert matches('{"a": {"b": ["x"]}, "a": {"c": ["y"]}}', {"a": {"b": "x", "c": "y"}})
    assert not matches('{"a": {"b": ["x"]}, "a": {"c": ["y"]}}', {"a": {"c": "y"}})


def test_an_event_that_is_no_object_never_matches() -> None:
    assert not matches({"a": [{"exists": False}]}, ["a"])


def test_an_event_nested_without_bottom_is_only_not_matched() -> None:
    event: Any = {"a": "x"}
    for _ in range(5000):
        event = {"a": [event]}

    assert not matches({"a": {"b": ["x"]}}, event)


def test_many_elements_are_matched_in_reasonable_time() -> None:
    pattern = {"x": {name: [{"exists": True}] for name in "abcd"}}

    assert matches(pattern, {"x": [dict.fromkeys("abcd", 1)] * 5000})
    assert not matches(pattern, {"x": [dict.fromkeys("abc", 1)] * 5000})


def test_a_patterns_text_is_short_and_keeps_numbers_as_they_were_meant() -> None:
    pattern = compile_pattern('{ "a" : [ 300.0, 9007199254740993 ], "é" : [ {"prefix" : "x y"} ] }')

    assert pattern.text == '{"a":[300.0,9007199254740993],"é":[{"prefix":"x y"}]}'


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("{", "Expecting"),
        ("[]", "the pattern must be an object"),
        ({}, "the pattern must be an object"),
        ({"a": {}}, "'a' must be an object with fields"),
        ({"a": "x"}, "'a' must be an object, or a list of at least one value"),
        ({"a": {"b": []}}, "'a.b' must be an object, or a list"),
        ({"a": [["x"]]}, "'a': a list stands in the list"),
        ({"a": [{"EXISTS": True}]}, "'EXISTS' is no operator; there are"),
        ({"a": [{"exists": 1}]}, "exists takes true or false, not 1"),
        ({"a": [{"prefix": "x", "suffix": "y"}]}, "one operator, not prefix, suffix"),
        ({"a": [{"prefix": 1}]}, "prefix takes text, not 1"),
        ({"a": [{"wildcard": "a**b"}]}, "several stars in a row"),
        ({"a": [{"wildcard": "a\\b"}]}, "only a star and a backslash may be escaped"),
        ({"a": [{"wildcard": "*:*:*:*:*:*:*"}]}, "too complex; use fewer stars"),
        ({"a": [{"numeric": [">", 5, "<", 5]}]}, "bottom is below its top"),
        ({"a": [{"numeric": ["=", "5"]}]}, "cannot be compared"),
        ({"a": [{"cidr": "10.0.0.7/32"}]}, "cidr takes 0 to 31 bits"),
        ({"a": [{"anything-but": ["x", 1]}]}, "all of one kind"),
        ({"a": [{"anything-but": {"prefix": ""}}]}, "no empty prefix"),
        ({"$or": [{"a": ["x"]}]}, "two objects or more"),
        ({"$or": [{"a": ["x"]}, {"prefix": ["x"]}]}, "name of an operator"),
        ({"a": [float("nan")]}, "not JSON compliant"),
        ({"a": [object()]}, "not JSON serializable"),
        (None, "the pattern must be an object"),
    ],
)
def test_an_invalid_pattern_says_which_field_and_why(pattern: Any, said: str) -> None:
    with pytest.raises(InvalidPattern, match=re.escape(said)):
        compile_pattern(pattern)


def test_choices_of_choices_are_bounded() -> None:
    deep: dict[str, Any] = {"a": ["x"]}
    for _ in range(7):
        deep = {"$or": [deep, deep, deep]}

    with pytest.raises(InvalidPattern, match="more than 1000 combinations"):
        compile_pattern(deep)


def test_a_message_is_taken_when_one_of_the_filters_matches_its_body() -> None:
    filters = compile_filters([{"body": {"kind": ["a"]}}, {"body": {"kind": ["b"]}}], data_key="body")

    assert filters.takes({"body": '{"kind": "b"}'})
    assert not filters.takes({"body": '{"kind": "c"}'})


def test_a_json_filter_drops_a_body_that_is_not_json() -> None:
    filters = compile_filters([{"body": {"kind": [{"exists": False}]}}], data_key="body")

    assert not filters.takes({"body": "plain words"})
    assert filters.takes({"body": "{}"})


def test_a_text_filter_meets_a_plain_body_and_drops_json() -> None:
    filters = compile_filters([{"body": [{"prefix": "Result: "}]}], data_key="body")

    assert filters.takes({"body": "Result: ok"})
    assert not filters.takes({"body": "Failure"})
    assert not filters.takes({"body": '{"Result: ": 1}'})


def test_a_filter_on_other_keys_of_the_record_does_not_mind_its_data() -> None:
    filters = compile_filters([{"eventSourceARN": [{"suffix": ":orders"}]}], data_key="body")

    assert filters.takes({"body": "{", "eventSourceARN": "arn:aws:sqs:eu-west-1:1:orders"})


def test_kinesis_data_is_decoded_before_it_is_matched() -> None:
    filters = compile_filters([{"data": {"kind": ["a"]}, "partitionKey": ["user-1"]}], data_key="data")

    assert filters.takes(kinesis_record(b'{"kind": "a"}'))
    assert not filters.takes(kinesis_record(b'{"kind": "b"}'))
    assert not filters.takes(kinesis_record(b"\xff\x00"))


def test_a_change_of_a_table_is_matched_in_its_typed_form() -> None:
    filters = compile_filters(
        [{"eventName": ["INSERT"], "dynamodb": {"NewImage": {"type": {"S": ["sale"]}}}}], data_key="dynamodb"
    )

    assert filters.takes({"eventName": "INSERT", "dynamodb": {"NewImage": {"type": {"S": "sale"}}}})
    assert not filters.takes({"eventName": "MODIFY", "dynamodb": {"NewImage": {"type": {"S": "sale"}}}})


def test_kafka_values_may_be_json_or_plain_text() -> None:
    text = compile_filters([{"value": [{"prefix": "x"}]}], data_key="value")
    fields = compile_filters([{"value": {"a": [1]}}], data_key="value")

    assert text.takes({"value": b64encode(b"xyz").decode()})
    assert fields.takes({"value": b64encode(b'{"a": 1.0}').decode()})
    assert not fields.takes({"value": None})


def test_without_filters_every_record_is_taken() -> None:
    assert compile_filters([], data_key="body").takes({"body": "anything"})


def test_a_mapping_takes_five_filters() -> None:
    with pytest.raises(InvalidPattern, match=r"takes 5 filters, not 6"):
        compile_filters([{"body": {"a": ["x"]}}] * 6, data_key="body")


def test_stream_data_cannot_be_asked_for_as_text() -> None:
    with pytest.raises(InvalidPattern, match="'data' is JSON"):
        compile_filters([{"data": ["x"]}], data_key="data")
