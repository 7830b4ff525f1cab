"""Bodies as a lineage keeps them: masked as recordings are, whatever is left unlooked at for speed."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sown import KINDS
from worker_runtime.local.recording.masking import masked, masked_text
from worker_runtime.local.stage.lineage.masked_bodies import masked_body, masked_value
from worker_runtime.local.stage.lineage.opened_records import BODY_CHARS, Opened

NAMES = st.sampled_from(
    [
        *("id", "note", "S", "N", "M", "Message", "kind", "userId", "x@example.com"),
        *("phone", "first_name", "addresses", "to", "set-cookie", "data", "body", "B", "Type"),
    ]
)
SAID = st.one_of(
    st.sampled_from([*KINDS.values(), "5551234567", "eA==", "a: 1", "{", "[1]", "phone: 12345"]),
    st.text(max_size=12),
    st.text('ab =:{}[]"%+@.#-', max_size=12),
)
ENCODED = st.sampled_from(list(KINDS.values())).map(lambda text: b64encode(text.encode()).decode())
TEXTS = SAID | ENCODED
FORMS = st.one_of(
    *(
        st.fixed_dictionaries(form)
        for form in (
            {"partitionKey": SAID, "data": ENCODED},
            {"recordId": SAID, "data": ENCODED},
            {"kinesisRecordMetadata": st.fixed_dictionaries({"partitionKey": SAID}), "data": ENCODED},
            {"topic": SAID, "partition": st.just(0), "offset": st.just(1), "key": ENCODED, "value": ENCODED},
            {"isBase64Encoded": st.booleans(), "body": ENCODED},
            {"body": SAID, "attributes": st.fixed_dictionaries({"MessageGroupId": SAID})},
            {"B": ENCODED},
            {"BS": st.lists(ENCODED, max_size=2)},
            {"dataType": st.just("Binary"), "binaryValue": ENCODED},
            {"Type": st.just("Binary"), "Value": ENCODED},
            {"key": SAID.map(quote_plus), "sequencer": st.just("1")},
            {"pathParameters": st.fixed_dictionaries({"phone": SAID}), "path": SAID},
        )
    )
)
"""Objects in which something is encoded, or repeats what is beside it."""

VALUES: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS, FORMS),
    lambda inside: st.one_of(
        st.lists(inside, max_size=3),
        st.dictionaries(NAMES, inside, max_size=4),
        st.dictionaries(NAMES, inside, max_size=2).map(json.dumps),
    ),
    max_leaves=8,
)


@given(VALUES)
def test_plain_data_is_masked_as_in_a_recording(value: Any) -> None:
    assert masked_value(value) == masked(value)


@given(VALUES.map(json.dumps), st.sampled_from(["", " ", "\n{}", '{"id":"7"}', "}"]))
def test_a_body_is_masked_as_in_a_recording(text: str, behind: str) -> None:
    shown, as_recorded = masked_body(text + behind), masked_text(text + behind)

    assert shown == as_recorded or json.loads(shown) == json.loads(as_recorded)


def test_a_body_in_which_nothing_is_personal_stays_as_it_is_to_the_letter() -> None:
    text = '{"id" : "7",\n "at": "2026-03-01T12:00:00.000Z", "name": "Zo\\u00eb", "n": [1.50, {"x": null}]}'

    assert masked_body(text) == text


@pytest.mark.parametrize(
    "text", ['{"a":' * 5_000, '{"a":' * 5_000 + "1" + "}" * 5_000, '{"a": "\\ud800"}', '{"a": 1e999}', "{"]
)
def test_no_text_is_too_strange_to_be_kept(text: str) -> None:
    assert masked_body(text) == masked_text(text)


def test_bytes_that_are_no_text_are_left_out() -> None:
    record = Opened({"kinesis": {"data": b64encode(b"\xff\xfe").decode(), "partitionKey": "k"}})

    assert record.shown(redacted=True) == "[redacted]"


def test_what_is_no_base64_is_taken_for_the_text_itself() -> None:
    record = Opened({"kinesis": {"data": "I am fan@example.com", "partitionKey": "k"}})

    assert record.shown(redacted=True) == "I am f***@e***"


@pytest.mark.parametrize("carried", [False, True], ids=["stream", "over Kinesis"])
def test_of_a_change_both_images_are_kept_without_personal_data(carried: bool) -> None:
    images = {"NewImage": {"phone": {"S": "5550001234"}, "n": {"N": "2"}}, "OldImage": {"n": {"N": "1"}}}
    change = {
        "eventName": "MODIFY",
        "dynamodb": {"Keys": {"PK": {"S": "k"}}, **images},
        "tableName": "orders",
    }
    data = b64encode(json.dumps(change).encode()).decode()
    record = Opened({"kinesis": {"data": data, "partitionKey": "k"}} if carried else change)

    shown = json.loads(record.shown(redacted=True))

    assert shown == {
        "eventName": "MODIFY",
        "NewImage": {"phone": {"S": "[redacted]"}, "n": {"N": "2"}},
        "OldImage": {"n": {"N": "1"}},
    }
    assert record.item is not None
    assert (record.item.table, record.item.key) == ("orders", "k")


def test_a_long_body_is_cut_and_says_how_long_it_was() -> None:
    record = Opened({"body": "x" * 20_000})

    assert record.shown(redacted=True) == f"{'x' * BODY_CHARS}… (20000 characters)"
