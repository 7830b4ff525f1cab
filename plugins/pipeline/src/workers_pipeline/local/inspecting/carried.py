"""The schemas that files carry, each once, beside the package's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from workers_pipeline.local.inspecting.columns import Comparison, columns_of, compared, type_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workers_pipeline.local.inspecting.looking import SeenFile


class Carried(Struct, rename="camel"):
    """A schema of a table: how many files carry it, from which partition to which, and one of them."""

    table: str
    comparison: Comparison
    files: int
    first_date: str | None
    last_date: str | None
    example: str
    schema: Any

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Its columns with their types, in words; of what is no record none."""
        return [(name, type_name(kind)) for name, kind in columns_of(self.schema).items()]


def carried(files: Iterable[SeenFile]) -> list[Carried]:
    """Gather the schemas by table, in the order in which they were first seen; only heads are read."""
    found: dict[tuple[str, str], Carried] = {}
    for file in files:
        table, schema, date = file.place.table, file.schema, file.place.partition_date
        same = (table, json.dumps(schema, sort_keys=True))
        if same not in found:
            found[same] = Carried(table, compared(schema, table=table), 0, date, date, file.name, schema)
        known = found[same]
        known.files += 1
        known.first_date = min(filter(None, (known.first_date, date)), default=None)
        known.last_date = max(filter(None, (known.last_date, date)), default=None)
    return list(found.values())
