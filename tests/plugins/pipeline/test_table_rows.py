"""The generated function makes the rows that the exact way makes, and leaves to it what is unusual."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from workers_pipeline.avro_rows import row_encoder
from workers_pipeline.data_types import DEMAND_DATA_TYPES, table_of
from workers_pipeline.hashing import Hashes
from workers_pipeline.image_rows import exact_row
from workers_pipeline.masking import Mask
from workers_pipeline.schemas import TableSchema, read_schema
from workers_pipeline.table_rows import Rows
from workers_pipeline.typed_images import parsed

if TYPE_CHECKING:
    from collections.abc import Callable

ODD = ('"', "\\", "\n", "'", "{x}", "\u2028")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.sampled_from(
    ["x" * 1100, "+12125550199", "a@example.com", "key=x", "Bearer x.y"]
)
NUMBER = st.integers(-(10**20), 10**20).map(str) | st.sampled_from(
    ["1.0", "1E2", "1.5", "-0", "007", "x", "1_0"]
)
FLAT = st.one_of(
    TEXT.map(lambda text: {"S": text}),
    NUMBER.map(lambda digits: {"N": digits}),
    st.booleans().map(lambda flag: {"BOOL": flag}),
    st.just({"NULL": True}),
    st.just({"SS": ["b", "a"]}),
    st.just({"B": "AA=="}),
    st.just({}),
)
VALUE = FLAT | st.dictionaries(st.sampled_from(["id", "at", "phone"]), FLAT, max_size=3).map(
    lambda m: {"M": m}
)
HEADS = st.tuples(
    TEXT,
    st.sampled_from(["INSERT", "MODIFY"]),
    st.integers(-(2**63), 2**63 - 1) | st.integers(8000, 8400),
    st.booleans(),
)
HEAD = ("c-1", "MODIFY", 1_772_366_400_000, False)
FITTING = {"string": {"S": "x"}, "long": {"N": "12"}, "boolean": {"BOOL": True}}


def attributes(data_type: str) -> list[str]:
    named = [column.attribute for column in read_schema(table_of(data_type)).fields if column.attribute]
    return sorted({each.partition(".")[0] for each in named} | {"more", "phone", *ODD})


def fitting(data_type: str) -> dict[str, Any]:
    image: dict[str, Any] = {"type": {"S": data_type}}
    for column in read_schema(table_of(data_type)).fields:
        if column.attribute:
            outer, _, inner = column.attribute.partition(".")
            value = FITTING[column.kind]
            image[outer] = {"M": {inner: value}} if inner else value
    return image


def told(read: Any, *inputs: Any) -> Any:
    try:
        return read(*inputs)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def exactly(schema: TableSchema) -> Callable[[Raw, Any, Hashes], str]:
    mask, encode = Mask(schema), row_encoder(schema.avro)

    def row(text: Raw, head: Any, hashed: Hashes) -> str:
        return encode(mask.masked(head + exact_row(schema.fields[4:], parsed(text), hashed), hashed))

    return row


@pytest.mark.parametrize("data_type", DEMAND_DATA_TYPES)
@settings(max_examples=30)
@given(data=st.data())
def test_a_row_is_what_the_exact_way_makes_of_it(data_type: str, data: st.DataObject) -> None:
    schema = read_schema(table_of(data_type))
    rows = Rows(schema)
    images = []
    for _ in range(3):  # what was learnt of one is put to the test by the next
        changed = data.draw(st.dictionaries(st.sampled_from(attributes(data_type)), VALUE, max_size=4))
        left_out = data.draw(st.sets(st.sampled_from(attributes(data_type)), max_size=3))
        image = {**{k: v for k, v in fitting(data_type).items() if k not in left_out}, **changed}
        images.append((Raw(json.dumps(image).encode()), data.draw(HEADS)))

    made = [told(rows.row, text, head, Hashes(lambda: "pepper")) for text, head in images * 2]

    assert made == [told(exactly(schema), text, head, Hashes(lambda: "pepper")) for text, head in images * 2]


@pytest.mark.parametrize("data_type", DEMAND_DATA_TYPES)
def test_an_image_that_fits_fills_every_column_but_the_extras(data_type: str) -> None:
    columns = read_schema(table_of(data_type)).fields[4:]

    row = exact_row(columns, parsed(json.dumps(fitting(data_type)).encode()), Hashes(lambda: "pepper"))

    empty = [column.name for column, value in zip(columns, row, strict=True) if value is None]
    assert empty == ["extra_json"]


def test_items_with_ever_new_attributes_are_read_the_exact_way() -> None:
    schema = read_schema("demand")
    rows = Rows(schema)

    for at in range(100):
        text = Raw(json.dumps({**fitting("demand"), f"made{at}": {"S": "up"}}).encode())

        row = rows.row(text, HEAD, Hashes(lambda: "pepper"))

        assert row == exactly(schema)(text, HEAD, Hashes(lambda: "pepper"))
