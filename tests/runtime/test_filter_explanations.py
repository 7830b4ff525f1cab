"""Why a filter takes or refuses a record: what is said, and that it is always what the matcher does."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import params, recorded
from worker_runtime.errors import InvalidPattern
from worker_runtime.filters import compile_filters, compile_pattern, compile_policy
from worker_runtime.filters.operators import LITERAL

if TYPE_CHECKING:
    from worker_runtime.filters import Finding, Pattern

PATTERN = {
    "a": [1, None, {"prefix": "x"}],
    "b": {"c": [{"exists": False}, {"anything-but": ["y"]}], "d": [{"numeric": [">", 0]}]},
    "$or": [{"e": [{"exists": True}]}, {"f": {"g": ["z"]}, "e": [{"exists": False}]}],
}
keys = st.sampled_from("abcdefg")
values = st.none() | st.integers(-1, 1) | st.sampled_from(["x", "y", "z"])
nested = st.recursive(
    values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
)
events = st.dictionaries(keys, nested, max_size=5)


def refused(pattern: Any, body: Any) -> str:
    """Word what a queue's filter says of a body that it refuses."""
    text = body if isinstance(body, str) else json.dumps(body)
    explained = compile_filters([{"body": pattern}], data_key="body").explain({"body": text})
    assert not explained.taken
    return explained.says().removeprefix("refused; filter 1: ")


def asked_alone(finding: Finding) -> Pattern:
    """Make the pattern of what one field was asked, and of nothing else."""
    asked = [arg if operator == LITERAL else f'{{"{operator}":{arg}}}' for operator, arg in finding.asked]
    return compile_pattern(f"{{{json.dumps(finding.path)}:[{','.join(asked)}]}}")


def check(pattern: Pattern, event: Any) -> None:
    """Compare an explanation with what the matcher says of the whole, and of each field that it names."""
    explained = pattern.explain(event)
    (judgement,) = explained.judgements
    fields = {field.name: field for branch in pattern.branches for field in branch}

    assert explained.taken == pattern.matches(event)
    assert judgement.findings
    for found in judgement.findings:
        asked = [[(c.operator, c.argument) for c in f.conditions] for b in pattern.branches for f in b]
        depends_on_the_element = fields[found.path].may_be_absent
        assert found.holds == explained.taken
        assert list(found.asked) in asked
        if not depends_on_the_element:
            assert asked_alone(found).matches(event) == (found.why in ("matches", "elsewhere"))
        for value in found.values(in_clear=True):
            assert compile_pattern({found.path: [value]}).matches(event)
    json.dumps(explained.plain())


def check_recorded(case: dict[str, Any]) -> None:
    try:
        pattern = compile_pattern(case["pattern_text"])
    except InvalidPattern:
        return
    check(pattern, json.loads(case["event_text"]))


@pytest.mark.parametrize("case", params(recorded("ruler_cases.json"), name="id"))
def test_a_pattern_of_event_ruler_is_explained_as_it_matches(case: dict[str, Any]) -> None:
    check_recorded(case)


@pytest.mark.parametrize("case", params(recorded("localstack_pattern_cases.json"), name="name"))
def test_a_pattern_of_eventbridge_is_explained_as_it_matches(case: dict[str, Any]) -> None:
    check_recorded(case)


@pytest.mark.parametrize("case", params(recorded("esm_filter_cases.json"), name="name"))
def test_a_mappings_filter_is_explained_as_it_takes(case: dict[str, Any]) -> None:
    if case.get("expect") == "invalid_pattern":
        return
    data_key: Literal["body", "dynamodb"] = "body" if case["source"] == "sqs" else "dynamodb"
    filters = compile_filters([case["pattern"]], data_key=data_key)
    records = [{"body": case["record_body_text"]}] if data_key == "body" else []
    records += [{"eventName": "INSERT", "dynamodb": {"NewImage": each}} for each in case.get("put_items", [])]

    for record in records:
        explained = filters.explain(record)

        assert explained.taken == filters.takes(record)
        assert explained.judgements[0].findings


@given(event=events)
def test_any_event_is_explained_as_it_matches(event: dict[str, Any]) -> None:
    check(compile_pattern(PATTERN), event)


@given(body=events.map(json.dumps) | nested.map(json.dumps) | st.text(max_size=5))
def test_any_body_is_explained_as_it_is_taken(body: str) -> None:
    filters = compile_filters([{"body": PATTERN}, {"body": [{"prefix": "x"}]}], data_key="body")

    assert filters.explain({"body": body}).taken == filters.takes({"body": body})


def test_a_refusal_names_each_filters_path_operator_and_value() -> None:
    filters = compile_filters(
        [
            {"dynamodb": {"NewImage": {"type": {"S": ["notification:asu", {"prefix": "sale:"}]}}}},
            {"dynamodb": {"OldImage": {"type": {"S": [{"exists": True}]}}}},
        ],
        data_key="dynamodb",
    )

    explained = filters.explain({"dynamodb": {"NewImage": {"type": {"S": "notification:sms"}}}})

    assert (explained.taken, explained.by) == (False, None)
    assert explained.says() == (
        'refused; filter 1: dynamodb.NewImage.type.S: exact ["notification:asu"] or prefix "sale:"'
        ' does not match "notification:sms"; filter 2: dynamodb.OldImage.type.S: key is missing,'
        " as is dynamodb.OldImage (exists true is asked)"
    )


def test_a_record_that_is_taken_names_the_filter_and_the_values_that_took_it() -> None:
    filters = compile_filters(
        [{"body": {"kind": ["a"]}}, {"body": {"n": [{"numeric": [">", 1]}]}}], data_key="body"
    )

    explained = filters.explain({"body": '{"kind": "b", "n": 300}'})

    assert explained.by == "filter 2"
    assert explained.says() == 'taken; filter 2: body.n: numeric [">",1] matches 300'


def test_all_is_taken_where_there_are_no_filters() -> None:
    explained = compile_filters([], data_key="body").explain({"body": "anything"})

    assert explained.taken
    assert explained.says() == "taken; there are no filters"


def test_all_fields_that_refuse_are_told() -> None:
    said = refused({"a": ["x"], "b": ["y"], "c": ["z"]}, {"a": "x", "b": "no", "c": None})

    assert said == 'body.b: exact ["y"] does not match "no"; body.c: exact ["z"] does not match null'


def test_many_values_are_told_by_the_first_few() -> None:
    assert refused({"a": ["x"]}, {"a": [1, 2, 3, 4, 5]}) == (
        'body.a: exact ["x"] does not match 1, 2, 3 and 2 more'
    )


def test_an_object_has_no_value_of_its_own() -> None:
    assert refused({"a": [{"exists": True}]}, {"a": {"b": 1}}) == (
        "body.a: is an object, which has no value of its own (exists true is asked)"
    )


def test_what_should_be_missing_is_told_with_its_value() -> None:
    assert refused({"a": [{"exists": False}]}, {"a": 1}) == "body.a: exists false does not match 1"


def test_fields_that_hold_in_different_elements_only_are_told_to_be_apart() -> None:
    metrics = [{"name": "CPU", "space": "ES"}, {"name": "Reads", "space": "EC2"}]

    assert refused({"m": {"name": ["CPU"], "space": ["EC2"]}}, {"m": metrics}) == (
        'body.m.space: exact ["EC2"] matches "EC2" in another element of the list than body.m.name'
    )


def test_of_a_choice_what_is_common_is_told_once_and_the_rest_by_its_number() -> None:
    pattern = {"s": ["orders"], "$or": [{"a": ["x"]}, {"b": ["y"]}]}

    assert refused(pattern, {"s": "sales", "a": "z"}) == (
        'body.s: exact ["orders"] does not match "sales";'
        ' choice 1 of $or: body.a: exact ["x"] does not match "z";'
        ' choice 2 of $or: body.b: key is missing (exact ["y"] is asked)'
    )


def test_a_body_that_is_no_json_is_told() -> None:
    assert refused({"a": ["x"]}, "plain words") == (
        'body.a: body is no JSON object or list, but "plain words" (exact ["x"] is asked)'
    )


def test_a_body_that_is_json_where_text_is_asked_is_told() -> None:
    assert refused([{"prefix": "x"}], {"a": 1}) == 'body: is JSON, and plain text is asked for (prefix "x")'


def test_data_that_is_missing_or_unreadable_is_told() -> None:
    filters = compile_filters([{"data": {"kind": ["a"]}}], data_key="data")

    missing = filters.explain({"kinesis": {"partitionKey": "p"}})
    unreadable = filters.explain({"kinesis": {"data": b64encode(b"\xff\x00").decode()}})

    assert missing.says() == (
        'refused; filter 1: data.kind: key is missing, as is data (exact ["a"] is asked)'
    )
    assert unreadable.says() == (
        'refused; filter 1: data.kind: data is no UTF-8 text in base64 (exact ["a"] is asked)'
    )


@pytest.mark.parametrize(
    ("body", "masked", "clear"),
    [
        ({"user": {"phone": "555-0100"}, "n": 1}, '"[redacted]"', '"555-0100"'),
        ({"user": {"phone": 5550100}, "n": 1}, '"[redacted]"', "5550100"),
        ({"user": {"phone": "+15550100123"}, "n": 1}, '"+*******0123"', '"+15550100123"'),
        ({"user": {"phone": '{"email": "x"}'}, "n": 1}, '"[redacted]"', r'"{\"email\": \"x\"}"'),
    ],
)
def test_personal_data_is_masked_unless_it_is_asked_for(body: Any, masked: str, clear: str) -> None:
    filters = compile_filters([{"body": {"user": {"phone": ["none"]}}}], data_key="body")

    explained = filters.explain({"body": json.dumps(body)})

    said = 'refused; filter 1: body.user.phone: exact ["none"] does not match {}'
    assert explained.says() == said.format(masked)
    assert explained.says(in_clear=True) == said.format(clear)
    assert explained.plain()["filters"][0]["findings"][0]["seen"] == [json.loads(masked)]
    assert str(body["user"]["phone"]) not in repr(explained)


def test_json_inside_a_text_is_masked_by_its_keys() -> None:
    said = refused({"note": ["x"]}, {"note": '{"email": "nobody", "n": 1}'})

    assert said == r'body.note: exact ["x"] does not match "{\"email\": \"[redacted]\", \"n\": 1}"'


def test_a_long_value_is_cut() -> None:
    assert refused({"a": ["x"]}, {"a": "y" * 1000}).endswith("yyy...")


def test_an_explanation_is_plain_data_for_machines() -> None:
    explained = compile_filters([{"body": {"a": ["x"]}}], data_key="body").explain({"body": '{"a": 1}'})

    assert explained.plain() == {
        "taken": False,
        "by": None,
        "filters": [
            {
                "name": "filter 1",
                "taken": False,
                "pattern": '{"body":{"a":["x"]}}',
                "findings": [
                    {
                        "path": "body.a",
                        "operators": ["exact"],
                        "asked": 'exact ["x"]',
                        "why": "differs",
                        "seen": [1],
                    }
                ],
            }
        ],
    }


def test_an_event_that_is_no_object_is_told() -> None:
    assert compile_pattern({"a": [1]}).explain("text").says() == (
        'refused; pattern: a: there are no keys in "text" (exact [1] is asked)'
    )


def test_a_topics_policy_is_explained() -> None:
    policy = compile_policy({"kind": ["a"]}, scope="MessageAttributes")
    inside = compile_policy({"kind": ["a"]}, scope="MessageBody")

    assert policy.explain("", {"kind": {"Type": "String", "Value": "b"}}).says() == (
        'refused; filter policy: kind: exact ["a"] does not match "b"'
    )
    assert inside.explain("words", {}).says() == (
        'refused; filter policy: kind: there are no keys in "words" (exact ["a"] is asked)'
    )
    assert compile_policy({}, scope="MessageBody").explain("", {}).taken


def test_many_elements_are_explained_in_reasonable_time() -> None:
    pattern = compile_pattern({"x": {name: [{"exists": True}] for name in "abcd"}})

    assert pattern.explain({"x": [dict.fromkeys("abcd", 1)] * 5000}).taken
    assert not pattern.explain({"x": [dict.fromkeys("abc", 1)] * 5000}).taken
