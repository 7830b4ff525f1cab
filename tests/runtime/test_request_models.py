"""Models as the JSON Schema that a REST API's validator takes: draft 4, the model itself at the root."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct
from pydantic import BaseModel, Field

from worker_runtime.sources.request_models import DRAFT, request_schema


class Line(Struct):
    sku: str
    count: Annotated[int, Meta(gt=0)] = 1


class Order(Struct, rename="camel"):
    order_id: Annotated[str, Meta(max_length=128)]
    lines: list[Line]
    kind: Literal["new"] = "new"


class Tree(Struct):
    children: list[Tree] = []


class Strict(BaseModel):
    count: int = Field(gt=0, lt=10, examples=[3])
    pair: tuple[int, str] = (1, "a")
    kind: Literal["new"] = "new"


def keywords(schema: Any) -> set[str]:
    """List all keys of a schema, wherever they stand."""
    if isinstance(schema, list):
        return set().union(*map(keywords, schema))
    return {*schema}.union(*map(keywords, schema.values())) if isinstance(schema, dict) else set()


def test_a_struct_stands_at_the_root_and_what_it_holds_beneath() -> None:
    assert request_schema(Order) == {
        "$schema": DRAFT,
        "title": "Order",
        "type": "object",
        "properties": {
            "orderId": {"type": "string", "maxLength": 128},
            "lines": {"type": "array", "items": {"$ref": "#/definitions/Line"}},
            "kind": {"enum": ["new"], "default": "new"},
        },
        "required": ["orderId", "lines"],
        "definitions": {
            "Line": {
                "title": "Line",
                "type": "object",
                "properties": {
                    "sku": {"type": "string"},
                    "count": {"type": "integer", "minimum": 0, "exclusiveMinimum": True, "default": 1},
                },
                "required": ["sku"],
            }
        },
    }


def test_a_model_that_holds_itself_keeps_its_definition() -> None:
    schema = request_schema(Tree)

    assert schema["properties"]["children"]["items"] == {"$ref": "#/definitions/Tree"}
    assert "Tree" in schema["definitions"]


def test_a_pydantic_model_says_in_draft_4_what_it_says() -> None:
    properties = request_schema(Strict)["properties"]

    assert properties["count"] == {
        "title": "Count",
        "type": "integer",
        "minimum": 0,
        "exclusiveMinimum": True,
        "maximum": 10,
        "exclusiveMaximum": True,
    }
    assert properties["pair"]["items"] == [{"type": "integer"}, {"type": "string"}]
    assert properties["kind"]["enum"] == ["new"]


@pytest.mark.parametrize("model", [Order, Tree, Strict, dict[str, int]])
def test_no_keyword_is_newer_than_draft_4(model: Any) -> None:
    newer = {"$defs", "const", "prefixItems", "examples", "discriminator", "dependentRequired"}

    assert not keywords(request_schema(model)) & newer


def test_a_property_named_like_a_keyword_is_a_property() -> None:
    class Odd(Struct):
        const: int
        examples: int
        required: str = ""

    assert set(request_schema(Odd)["properties"]) == {"const", "examples", "required"}


def test_no_empty_list_of_required_ones_is_written() -> None:
    class Free(Struct):
        a: int = 0

    assert "required" not in request_schema(Free)


def test_what_no_schema_can_say_is_refused() -> None:
    with pytest.raises(TypeError):
        request_schema(object())
