"""A raw body as the worker's type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

import pytest
from msgspec import Struct
from pydantic import BaseModel

from worker_runtime import Change, FieldRequest, HttpRequest, S3Object
from worker_runtime.decoding import json_decoder
from worker_runtime.errors import DeclarationError


class Order(Struct, tag="order"):
    id: str


class Return(Struct, tag="return"):
    id: str


class Address(BaseModel):
    city: str


@dataclass
class Parcel:
    weight: int


class Label(TypedDict):
    text: str


@pytest.mark.parametrize(
    ("model", "text", "expected"),
    [
        (Order, '{"type":"order","id":"1","more":true}', Order("1")),
        (Order | Return, '{"type":"return","id":"1"}', Return("1")),
        (Address, '{"city":"Ghent"}', Address(city="Ghent")),
        (Parcel, '{"weight":3}', Parcel(3)),
        (Label, '{"text":"x"}', {"text": "x"}),
        (dict, '{"a":[1,null]}', {"a": [1, None]}),
        (dict[str, int], '{"a":1}', {"a": 1}),
        (Any, "[1]", [1]),
        (str, "no JSON", "no JSON"),
        (bytes, "Grüße", "Grüße".encode()),
    ],
)
def test_a_text_becomes_the_model(model: Any, text: str, expected: Any) -> None:
    decode = json_decoder(model)

    assert decode(text) == expected
    assert decode(text.encode()) == expected


@pytest.mark.parametrize("model", [Order, Address, Parcel, Label, dict, str, bytes])
@pytest.mark.parametrize("body", [None, 7, {"id": "1"}, ["x"]], ids=str)
def test_what_is_no_text_is_refused(model: Any, body: Any) -> None:
    decode = json_decoder(model)

    with pytest.raises((TypeError, ValueError, AttributeError)):
        decode(body)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (Change[Order], "Change is what TableStream brings"),
        (FieldRequest[Order], "FieldRequest is what AppSync brings"),
        (HttpRequest[Order], "HttpRequest is what ApiGateway brings"),
        (HttpRequest, "HttpRequest is what ApiGateway brings"),
        (S3Object, "S3Object is what S3, Sns, Sqs or EventBridge brings"),
        (list[S3Object], "S3Object is what S3, Sns, Sqs or EventBridge brings"),
    ],
)
def test_what_other_sources_alone_bring_is_no_body(model: Any, told: str) -> None:
    with pytest.raises(DeclarationError, match=f"^{told}; a body of JSON has another type.$"):
        json_decoder(model)
