"""The tables of the warehouse as AWS Glue and people know them, made from the schemas; no I/O of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from workers_pipeline.data_types import DEMAND_DATA_TYPES, table_of
from workers_pipeline.layout import AVRO
from workers_pipeline.partitions import FIRST_DATE
from workers_pipeline.schemas import read_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers_pipeline.schemas import Column, TableSchema

BEGINS: Final = "<!-- tables: made by `workers pipeline tables --write` from schemas/ -->"
ENDS: Final = "<!-- /tables -->"

_HIVE: Final = {"string": "string", "long": "bigint", "boolean": "boolean"}
_PROJECTION: Final = {
    "projection.enabled": "true",
    "projection.partition_date.type": "date",
    "projection.partition_date.format": "yyyy-MM-dd",
    "projection.partition_date.range": f"{FIRST_DATE},NOW+1DAYS",
}


def glue_tables() -> dict[str, Any]:
    """Describe the tables for Terraform: columns, partition key, where the files are, how they are read.

    Locations are keys inside the bucket, whose name is the environment's.
    """
    return {"tables": [_glue(read_schema(table_of(data_type))) for data_type in DEMAND_DATA_TYPES]}


def redrawn(document: str) -> str:
    """Return a document with the tables between its markers made anew; ValueError where it has none."""
    before, begins, rest = document.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise ValueError(f"there is no place for the tables: a line {BEGINS} and, below it, a line {ENDS}")
    return f"{before}{BEGINS}\n\n{drawing()}\n{ENDS}{after}"


def drawing() -> str:
    """Write the columns that all tables have, and those of each, as Markdown."""
    schemas = [read_schema(table_of(data_type)) for data_type in DEMAND_DATA_TYPES]
    shared = [each for each in schemas[0].fields if all(each in schema.fields for schema in schemas)]
    parts = [f"All tables\n\n{_rows(shared)}"]
    for schema in schemas:
        own = [each for each in schema.fields if each not in shared]
        parts.append(f"`{schema.name}`: {schema.doc}\n\n{_rows(own)}")
    return "\n".join(parts)


def _rows(columns: list[Column]) -> str:
    heading = ("Column", "Type", "Taken from", "Is")
    rows = [heading, ("---",) * len(heading), *map(_cells, columns)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cells(column: Column) -> tuple[str, ...]:
    taken = "" if column.attribute is None else f"`{column.attribute}`{', hashed' if column.hashed else ''}"
    return f"`{column.name}`", f"{column.kind}{'' if column.nullable else ', never null'}", taken, column.doc


def _glue(schema: TableSchema) -> dict[str, Any]:
    return {
        "name": schema.name,
        "description": schema.doc,
        "location": f"{AVRO}{schema.name}/",
        "partitionKeys": [{"name": "partition_date", "type": "string"}],
        "columns": list(_columns(schema)),
        "inputFormat": "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat",
        "outputFormat": "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat",
        "serializationLibrary": "org.apache.hadoop.hive.serde2.avro.AvroSerDe",
        "serializationParameters": {"avro.schema.literal": json.dumps(schema.avro, separators=(",", ":"))},
        "parameters": {"classification": "avro", "EXTERNAL": "TRUE", **_PROJECTION},
    }


def _columns(schema: TableSchema) -> Iterator[dict[str, str]]:
    for column in schema.fields:
        yield {"name": column.name, "type": _HIVE[column.kind], "comment": column.doc}
