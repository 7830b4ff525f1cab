"""The schemas, from which all else is made: they fit the constant, the worker, and what was released."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro
import msgspec
import pytest
from msgspec.structs import replace

from avro_evolution import breaks
from deliveries import FakeWarehouse, batch, carried, deliver, demand
from worker_runtime.filters import compile_filters
from worker_runtime.testing import change
from workers_pipeline.data_types import DEMAND_DATA_TYPES, changes_of, table_of
from workers_pipeline.delivering import deliver_changes
from workers_pipeline.schemas import EXTRA, OF_THE_CHANGE, Column, TableSchema, read_schema

if TYPE_CHECKING:
    from worker_runtime.sources.table_stream import TableStream

RELEASED = Path(__file__).parent / "released"
WITH_A_SCHEMA = (*DEMAND_DATA_TYPES, "notification:asu")
SALE = read_schema("sale")
COMMON = (
    *("change_id", "change_type", "changed_at_ms", "deleted", "pk", "sk", "id", "version"),
    *("created_at", "updated_at", "status_id", "extra_json"),
)


def released(table: str) -> list[tuple[str, TableSchema]]:
    """Read a table's schema of every release, the oldest first."""
    folders = sorted(RELEASED.iterdir(), key=lambda folder: [int(part) for part in folder.name.split(".")])
    files = [(folder.name, folder / f"{table}.json") for folder in folders]
    return [
        (name, msgspec.json.decode(file.read_bytes(), type=TableSchema))
        for name, file in files
        if file.exists()
    ]


@pytest.mark.parametrize("data_type", WITH_A_SCHEMA)
def test_each_type_has_a_schema_that_avro_takes_and_that_begins_alike(data_type: str) -> None:
    schema = read_schema(table_of(data_type))

    names = tuple(column.name for column in schema.fields)
    assert fastavro.parse_schema(schema.avro)
    assert names[: len(COMMON)] == COMMON
    assert names[: len(OF_THE_CHANGE)] == OF_THE_CHANGE
    assert (schema.namespace, schema.name) == ("fan.demand", table_of(data_type))
    assert all(column.doc for column in schema.fields)


@pytest.mark.parametrize("data_type", WITH_A_SCHEMA)
def test_all_but_what_tells_rows_apart_is_nullable_and_defaults_to_null(data_type: str) -> None:
    schema = read_schema(table_of(data_type))

    needed = [column.name for column in schema.fields if not column.nullable]
    fields = {field["name"]: field for field in schema.avro["fields"]}
    assert needed == ["change_id", "change_type", "changed_at_ms", "deleted", "pk", "sk", "id"]
    assert all(fields[each.name]["default"] is None for each in schema.fields if each.nullable)


@pytest.mark.parametrize("data_type", WITH_A_SCHEMA)
def test_each_column_takes_an_attribute_but_those_of_the_change_and_the_extras(data_type: str) -> None:
    schema = read_schema(table_of(data_type))

    without = [column.name for column in schema.fields if column.attribute is None]
    taken = [column.attribute for column in schema.fields if column.attribute]
    assert without == [*OF_THE_CHANGE, EXTRA]
    assert len(taken) == len(set(taken))


@pytest.mark.parametrize("data_type", WITH_A_SCHEMA)
def test_what_was_released_is_read_with_todays_schemas(data_type: str) -> None:
    now = read_schema(table_of(data_type))

    assert released(table_of(data_type))
    for version, before in released(table_of(data_type)):
        assert [f"{version}: {each}" for each in breaks(before, now)] == []


def test_files_of_the_first_release_are_read_with_a_schema_that_has_grown() -> None:
    warehouse = FakeWarehouse()
    deliver(batch(carried(demand())), warehouse)
    (file,) = warehouse.files.values()
    grown = read_schema("demand").avro
    grown["fields"].append({"name": "later", "type": ["null", "string"], "default": None})

    from io import BytesIO  # noqa: PLC0415 - here alone

    (row,) = list(fastavro.reader(BytesIO(file), reader_schema=grown))

    assert isinstance(row, dict)
    assert (row["user_id"], row["later"]) == ("u1", None)


def changed(at: int, **changes: Any) -> TableSchema:
    fields = list(SALE.fields)
    fields[at] = replace(fields[at], **changes)
    return replace(SALE, fields=tuple(fields))


NEW = Column("later", ["null", "string"])


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (replace(SALE, fields=SALE.fields[:-1]), "generation_id is gone"),
        (changed(7, type=["null", "int"]), "version is a int and was a long"),
        (changed(8, type="string"), "created_at was nullable"),
        (changed(12, attribute="salesId"), "sale_id means something else"),
        (changed(12, hashed=True), "sale_id means something else"),
        (replace(SALE, fields=(*SALE.fields, Column("later", "string"))), "later is new and not nullable"),
        (
            replace(SALE, fields=(NEW, *SALE.fields)),
            "its fields have another order; new ones stand last",
        ),
        (replace(SALE, name="sales"), "fan.demand.sale is now called fan.demand.sales"),
    ],
)
def test_what_breaks_with_a_release_is_told(now: TableSchema, told: str) -> None:
    assert list(breaks(SALE, now)) == [told]


def test_a_new_nullable_field_at_the_end_breaks_nothing() -> None:
    assert list(breaks(SALE, replace(SALE, fields=(*SALE.fields, NEW)))) == []


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        *(({"new": {"PK": "1", "type": name}}, True) for name in DEMAND_DATA_TYPES),
        ({"old": {"PK": "1", "type": "sale"}}, True),
        ({"new": {"PK": "1", "type": "sale"}, "old": {"PK": "1", "type": "control"}}, True),
        ({"new": {"PK": "1", "type": "notification:asu"}}, False),
        ({"old": {"PK": "1", "type": "notification:asu"}}, False),
        ({"new": {"PK": "1", "type": "control"}, "old": {"PK": "1", "type": "sale"}}, False),
        ({"new": {"PK": "1"}}, False),
    ],
)
def test_the_workers_filters_take_changes_of_the_constants_types_alone(
    changes: dict[str, Any], taken: bool
) -> None:
    source: TableStream = deliver_changes.declaration.sources[0]  # type: ignore[assignment]  # its only one
    record = change(**changes, keys=["PK"])
    carrying = {"data": {name: record[name] for name in ("eventName", "dynamodb")}}

    filters = compile_filters(source.filters, data_key="dynamodb")

    assert source.filters == changes_of(DEMAND_DATA_TYPES)
    assert filters.takes(json.loads(json.dumps(carrying["data"]))) is taken


def test_the_plugins_own_folder_has_no_schema_that_nothing_names() -> None:
    folder = Path(__file__).parents[3] / "plugins/pipeline/src/workers_pipeline/schemas"

    named = {f"{table_of(data_type)}.json" for data_type in WITH_A_SCHEMA}

    assert {file.name for file in folder.glob("*.json")} == named
    assert all(re.fullmatch(r"[a-z_]+", table_of(data_type)) for data_type in WITH_A_SCHEMA)
