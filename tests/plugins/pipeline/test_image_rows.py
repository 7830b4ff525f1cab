"""The generated reader of images reads what the exact way reads, and leaves to it what is unusual."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from workers_pipeline.data_types import DEMAND_DATA_TYPES, table_of
from workers_pipeline.hashing import Hashes
from workers_pipeline.image_rows import RowReader, _exactly, whole
from workers_pipeline.schemas import read_schema
from workers_pipeline.typed_images import parsed

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
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
HEAD = ("c-1", "MODIFY", 1, False)
FITTING = {"string": {"S": "x"}, "long": {"N": "12"}, "boolean": {"BOOL": True}}


def attributes(data_type: str) -> list[str]:
    named = [column.attribute for column in read_schema(table_of(data_type)).fields if column.attribute]
    return sorted({each.partition(".")[0] for each in named} | {"more", "phone"})


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


@pytest.mark.parametrize("data_type", DEMAND_DATA_TYPES)
@given(data=st.data())
def test_an_image_is_read_as_the_exact_way_reads_it(data_type: str, data: st.DataObject) -> None:
    schema = read_schema(table_of(data_type))
    changed = data.draw(st.dictionaries(st.sampled_from(attributes(data_type)), VALUE, max_size=4))
    left_out = data.draw(st.sets(st.sampled_from(attributes(data_type)), max_size=3))
    image = {**{k: v for k, v in fitting(data_type).items() if k not in left_out}, **changed}
    text = Raw(json.dumps(image).encode())

    reader = RowReader(schema)
    quick = [
        told(reader.read, text, HEAD, Hashes(lambda: "pepper")) for _ in range(2)
    ]  # and once it has learnt

    exact = told(
        lambda *inputs: HEAD + _exactly(*inputs), schema.fields[4:], parsed(text), Hashes(lambda: "pepper")
    )
    assert quick == [exact, exact]


@pytest.mark.parametrize("data_type", DEMAND_DATA_TYPES)
def test_an_image_that_fits_fills_every_column_but_the_extras(data_type: str) -> None:
    schema = read_schema(table_of(data_type))
    text = Raw(json.dumps(fitting(data_type)).encode())

    row = RowReader(schema).read(text, HEAD, Hashes(lambda: "pepper"))

    empty = [column.name for column, value in zip(schema.fields, row, strict=True) if value is None]
    assert empty == ["extra_json"]


@pytest.mark.parametrize(("digits", "number"), [("12", 12), ("-3", -3), ("1E2", 100), ("4.0", 4), ("0", 0)])
def test_a_whole_number_is_read_however_it_is_written(digits: str, number: int) -> None:
    assert whole(digits) == number


@pytest.mark.parametrize("digits", ["1.5", "x", "", "1_0", "٣", "NaN", str(2**63), "1E999", " 1"])
def test_what_is_no_whole_number_of_64_bits_is_refused(digits: str) -> None:
    with pytest.raises(ValueError, match="it is no whole number of 64 bits"):
        whole(digits)
