"""Our encoder and fastavro write the same bytes, row by row."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers_pipeline.avro_rows import fastavro_encoder, row_encoder
from workers_pipeline.data_types import DEMAND_DATA_TYPES, table_of
from workers_pipeline.schemas import read_schema

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LONG_TEXT = st.integers(60, 70) | st.integers(1000, 1100) | st.sampled_from([8191, 8192, 20_000])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT | LONG_TEXT.map(lambda size: "ä" + "x" * size),
    "long": st.integers(-(2**63), 2**63 - 1) | st.integers(-70, 70) | st.integers(1000, 1100),
    "boolean": st.booleans(),
}
TYPES = [*VALUES, *(["null", kind] for kind in VALUES)]


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    return st.none() | VALUES[kind[1]] if isinstance(kind, list) else VALUES[kind]


def schema_of(types: list[Any]) -> dict[str, Any]:
    fields = [{"name": f"f{at}", "type": kind} for at, kind in enumerate(types)]
    return {"type": "record", "name": "r", "namespace": "n", "fields": fields}


@st.composite
def schemas_and_rows(draw: st.DrawFn) -> tuple[dict[str, Any], tuple[Any, ...]]:
    types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=6))
    return schema_of(types), tuple(draw(values_of(kind)) for kind in types)


def reference(schema: dict[str, Any], row: tuple[Any, ...]) -> bytes:
    written = BytesIO()
    names = [field["name"] for field in schema["fields"]]
    fastavro.schemaless_writer(written, fastavro.parse_schema(schema), dict(zip(names, row, strict=True)))
    return written.getvalue()


@given(schemas_and_rows())
def test_a_row_of_any_schema_is_what_fastavro_writes(drawn: tuple[dict[str, Any], tuple[Any, ...]]) -> None:
    schema, row = drawn

    assert row_encoder(schema)(row).encode("latin-1") == reference(schema, row)


@pytest.mark.parametrize("data_type", [*DEMAND_DATA_TYPES, "notification:asu"])
@given(data=st.data())
def test_a_row_of_our_tables_is_what_fastavro_writes(data_type: str, data: st.DataObject) -> None:
    schema = read_schema(table_of(data_type)).avro
    row = tuple(data.draw(values_of(field["type"])) for field in schema["fields"])

    assert row_encoder(schema)(row).encode("latin-1") == reference(schema, row)


@given(schemas_and_rows())
def test_the_fallback_writes_the_same(drawn: tuple[dict[str, Any], tuple[Any, ...]]) -> None:
    schema, row = drawn

    assert fastavro_encoder(schema)(row) == row_encoder(schema)(row)


def test_a_schema_of_other_types_is_left_to_fastavro() -> None:
    schema = schema_of([{"type": "array", "items": "string"}, "double", ["string", "null"]])
    row = (["a", "ä"], 1.5, None)

    assert row_encoder(schema)(row).encode("latin-1") == reference(schema, row)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", None),
        ("string", 7),
        ("string", []),
        (["null", "string"], 0),
        ("long", "7"),
        ("long", None),
        (["null", "long"], "7"),
        ("boolean", None),
        ("boolean", "x"),
        (["null", "boolean"], "x"),
        ("string", "\ud800"),
    ],
)
def test_a_value_of_another_type_is_refused(kind: Any, value: Any) -> None:
    encode = row_encoder(schema_of([kind]))

    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        encode((value,))
