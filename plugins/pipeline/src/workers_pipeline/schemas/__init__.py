"""Avro schemas, one file a table: what the writer, the Glue columns and the README's tables are made from.

Beside what Avro asks for, a field says which ``attribute`` of an item it takes (``status.id`` is an attribute
of an attribute) and whether it is ``hashed``. New fields are nullable and default to null; a type is never
narrowed, a field never taken away: files of all ages are read with the newest schema.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

Kind = Literal["string", "long", "boolean"]

EXTRA: Final = "extra_json"
"""The field of all attributes that no other field takes."""
OF_THE_CHANGE: Final = ("change_id", "change_type", "changed_at_ms", "deleted")
"""The fields that the change itself fills, first in every schema."""


class Column(Struct, frozen=True):
    """One field of a table; ``attribute`` is where its value stands in an item, None where in none."""

    name: str
    type: Any
    doc: str = ""
    attribute: str | None = None
    hashed: bool = False

    @property
    def nullable(self) -> bool:
        """Whether it may be null."""
        return isinstance(self.type, list)

    @property
    def kind(self) -> Any:
        """The Avro type of its values that are not null."""
        return self.type[1] if isinstance(self.type, list) else self.type

    @property
    def is_key(self) -> bool:
        """Whether rows are told apart or joined by it, so that it cannot be masked."""
        return self.name in {"pk", "sk", "id", "change_id"} or self.name.endswith("_id")


class TableSchema(Struct, frozen=True):
    """The record that a table's files hold."""

    name: str
    namespace: str
    doc: str
    fields: tuple[Column, ...]

    @property
    def avro(self) -> dict[str, Any]:
        """The schema as Avro has it, without what only we read: the head of every file."""
        fields = [
            {"name": each.name, "type": each.type, **({"default": None} if each.nullable else {})}
            for each in self.fields
        ]
        return {"type": "record", "name": self.name, "namespace": self.namespace, "fields": fields}


def read_schema(table: str) -> TableSchema:
    """Read a table's schema from its file."""
    return msgspec.json.decode(files(__package__).joinpath(f"{table}.json").read_bytes(), type=TableSchema)
