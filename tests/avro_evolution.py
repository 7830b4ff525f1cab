"""What may become of a table's schema: files of all ages have to be read with the newest one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers_pipeline.schemas import TableSchema


def breaks(released: TableSchema, now: TableSchema) -> Iterator[str]:
    """Tell what of a schema breaks with a released one: readers of Avro, or Glue's columns by position."""
    if (released.name, released.namespace) != (now.name, now.namespace):
        yield f"{released.namespace}.{released.name} is now called {now.namespace}.{now.name}"
    fields = {field.name: field for field in now.fields}
    for before in released.fields:
        field = fields.get(before.name)
        if field is None:
            yield f"{before.name} is gone"
        elif field.kind != before.kind:
            yield f"{before.name} is a {field.kind} and was a {before.kind}"
        elif before.nullable and not field.nullable:
            yield f"{before.name} was nullable"
        elif (field.attribute, field.hashed) != (before.attribute, before.hashed):
            yield f"{before.name} means something else"
    known = [field.name for field in released.fields]
    kept = [name for name in known if name in fields]
    if [*fields][: len(kept)] != kept:
        yield "its fields have another order; new ones stand last"
    for field in now.fields:
        if field.name not in known and not field.nullable:
            yield f"{field.name} is new and not nullable"
