"""What operators may read: no phone number, address, name or token, wherever it stood."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from pydantic import BaseModel, ValidationError

from worker_runtime import may_be_personal, redact, redact_text
from worker_runtime.redaction import redact_id

PHONE = "+15551234567"
EMAIL = "jane.doe@example.com"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"sent to {PHONE}.", "sent to +*******4567."),
        ("GET /users?phone=%2B15551234567&x=1", "GET /users?phone=+*******4567&x=1"),
        (f"{EMAIL} bounced", "j***@e*** bounced"),
        ("GET /users?email=jane%40example.com", "GET /users?email=j***@e***"),
        (f"jwt {JWT} expired", "jwt [redacted] expired"),
        ("Authorization: Bearer abc.DEF-123", "Authorization: [redacted]"),
        (f"key:\n{PEM}\nend", "key:\n[redacted]\nend"),
        ("cut off: -----BEGIN RSA PRIVATE KEY-----\nMHcC", "cut off: [redacted]"),
        ("GET /v4/shorten?apikey=12345&id=7", "GET /v4/shorten?[redacted]&id=7"),
        ("GET /v4/shorten?api_key=12345", "GET /v4/shorten?[redacted]"),
        ("userId u-1, order 15551234567, 2026-01-01T00:00:00+0100", None),
    ],
)
def test_a_text_is_masked_by_what_it_looks_like(text: str, shown: str | None) -> None:
    assert redact_text(text) == (text if shown is None else shown)


PERSONAL_KEYS = """
    phone msisdn to email firstName lastName address dob token authorization apikey secret password signature
    cookie messageBody message_body PHONE first_name Set-Cookie x-api-key accessToken clientSecret homePhone
    phones emails addresses home_addresses phoneNumbers cookies firstNames passwords identitySource
"""


@pytest.mark.parametrize("key", PERSONAL_KEYS.split())
def test_a_value_under_a_personal_key_is_hidden_whatever_it_is(key: str) -> None:
    assert redact({key: "Doe"}) == {key: "[redacted]"}
    assert redact({key: 42}) == {key: "[redacted]"}
    assert redact({"deep": [{key: ["Doe"]}]}) == {"deep": [{key: ["[redacted]"]}]}


@pytest.mark.parametrize("key", ["userId", "eventId", "total", "tokens", "town", "body"])
def test_what_operators_search_for_stays(key: str) -> None:
    assert redact({key: "u-1"}) == {key: "u-1"}


def test_all_inside_a_personal_value_is_personal() -> None:
    address = {"address": {"street": "Main Street", "number": 5, "known": True, "until": None}}

    assert redact(address) == {
        "address": {"street": "[redacted]", "number": "[redacted]", "known": True, "until": None}
    }


def test_a_phone_number_keeps_its_end_and_an_address_its_initials() -> None:
    assert redact({"phone": PHONE, "email": EMAIL, "token": JWT}) == {
        "phone": "+*******4567",
        "email": "j***@e***",
        "token": "[redacted]",
    }


def test_what_stands_beside_an_address_under_a_personal_key_goes_too() -> None:
    assert redact({"to": f"Jane Doe <{EMAIL}>"}) == {"to": "[redacted]"}


def test_keys_are_masked_like_values() -> None:
    assert redact({PHONE: 3, 7: {EMAIL}}) == {"+*******4567": 3, "7": ["j***@e***"]}


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("5551234567", "+*******4567"),
        (PHONE, "+*******4567"),
        (EMAIL, "j***@e***"),
        ("order-5551234567", None),
        ("123456", None),
        ("1234567890123456", None),
    ],
)
def test_an_id_that_somebody_chose_may_be_a_phone_number(key: str, shown: str | None) -> None:
    assert redact_id(key) == (key if shown is None else shown)


class Person(Struct):
    first_name: str
    note: bytes


@dataclass
class Fan:
    email: str
    person: Person


class Guest(BaseModel):
    last_name: str
    seat: int


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Person("Jane", PHONE.encode()), {"first_name": "[redacted]", "note": "+*******4567"}),
        (
            Fan("x", Person("Jane", b"\xff")),
            {"email": "[redacted]", "person": {"first_name": "[redacted]", "note": "\ufffd"}},
        ),
        (Guest(last_name="Doe", seat=7), {"last_name": "[redacted]", "seat": 7}),
        (MappingProxyType({"dob": "2000-01-01"}), {"dob": "[redacted]"}),
        (ValueError(f"{PHONE} is taken"), "+*******4567 is taken"),
    ],
)
def test_a_model_is_judged_by_its_fields(value: Any, shown: Any) -> None:
    assert redact({"of": [value]}) == {"of": [shown]}


def test_what_pydantic_quotes_of_its_input_is_hidden() -> None:
    with pytest.raises(ValidationError) as refused:
        Guest.model_validate({"last_name": ["Doe"], "seat": "front, beside Jane"})

    shown = redact_text(str(refused.value))

    assert "Doe" not in shown
    assert "Jane" not in shown
    assert "Input should be a valid string" in shown


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([PHONE, EMAIL, JWT, PEM]),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["phone", "to", "note", "address"]), inner)
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_redacting_twice_is_redacting_once(value: Any) -> None:
    once = redact(value)

    assert redact(once) == once


REPEATED = """
    a eyJ- eyJa. -----BEGIN~A----- a@ b. +1 . apikey= input_value= bearer%20 %2B a@b. a-b@
"""


@pytest.mark.parametrize("text", REPEATED.split())
def test_no_text_is_slow_to_redact(text: str) -> None:
    began = time.perf_counter()

    redact_text((text.replace("~", " ") * 300_000)[:300_000])

    assert time.perf_counter() - began < 5


PIECES = (
    *("eyJa.b.", "Bearer x", "bEaRer ", "api_key=", "API\u212aEY=v", "input_value=", "a@b.c", "a%40b.c"),
    *("+1234567", "%2B1234567890", "%2b", "-----BEGIN A-----", "-----END A-----", "\u0130", "\u017f", " "),
)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3)))
def test_texts_may_be_asked_together_whether_one_may_be_personal(pieces: list[str]) -> None:
    assert may_be_personal("\n".join(pieces)) or not any(redact_text(each) != each for each in pieces)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3)))
def test_a_text_is_looked_into_wherever_it_may_hold_something(pieces: list[str]) -> None:
    text, looked_into = "".join(pieces), "@ "

    assert looked_into + redact_text(text) == redact_text(looked_into + text)
