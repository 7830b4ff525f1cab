"""The columns that a file's schema has, and how they stand to those of the table they are for."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec import Struct

from workers_pipeline import schemas
from workers_pipeline.schemas import read_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Columns = dict[str, Any]

Standing = Literal["same", "older", "newer", "different", "unknown"]

OF_CHANGES: Final[Mapping[str, Any]] = {
    "change_id": "string",
    "change_type": "string",
    "changed_at_ms": "long",
    "deleted": "boolean",
    "pk": "string",
    "sk": "string",
}
"""The columns by which rows are changes of items: counted, ordered, and told apart."""
_VERSION: Final = ("null", "long", ["null", "long"])
_NAMESPACE: Final = "fan.demand"


class Comparison(Struct, frozen=True):
    """How a schema stands to the package's own of its table, and what makes it so."""

    standing: Standing
    why: tuple[str, ...] = ()


def known_tables() -> list[str]:
    """Name the tables that the package has schemas of, delivered or not."""
    names = (each.name for each in files(schemas).iterdir())
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def name_of(schema: Any) -> str:
    """Name the table of a schema: a table of ours by its name, another record by its full one."""
    if isinstance(schema, list):
        return "union"
    if not isinstance(schema, dict) or "name" not in schema:
        return str(schema.get("type") if isinstance(schema, dict) else schema)
    name, namespace = str(schema["name"]), str(schema.get("namespace") or "")
    full = name if "." in name or not namespace else f"{namespace}.{name}"
    return full.removeprefix(f"{_NAMESPACE}.")


def columns_of(schema: Any) -> Columns:
    """List a record's columns with their types, plainly worded; nothing of what is no record."""
    fields = schema.get("fields", ()) if isinstance(schema, dict) else ()
    return {str(field["name"]): _plain(field["type"]) for field in fields}


def holds_changes(columns: Columns) -> bool:
    """Whether rows of these columns are changes of items."""
    known = all(columns.get(name) == kind for name, kind in OF_CHANGES.items())
    return known and columns.get("version", "null") in _VERSION


def type_name(kind: Any) -> str:
    """Word a type as people read it: ``string``, or ``string, never null``."""
    if isinstance(kind, list) and len(kind) == 2 and "null" in kind:  # noqa: PLR2004 - a type or null
        return _word(next(each for each in kind if each != "null"))
    return f"{_word(kind)}, never null"


def compared(schema: Any, *, table: str) -> Comparison:
    """Compare a schema with the one that the package has of a table."""
    if table not in known_tables():
        return Comparison("unknown", ("the package has no such table",))
    own = columns_of(read_schema(table).avro)
    theirs = columns_of(schema)
    strange = [*_named_otherwise(schema, table), *_typed_otherwise(theirs, own)]
    lacks = [name for name in own if name not in theirs]
    more = [name for name in theirs if name not in own]
    why = (
        *strange,
        *((f"lacks {', '.join(lacks)}",) if lacks else ()),
        *((f"has {', '.join(more)} besides",) if more else ()),
    )
    if strange or (lacks and more) or any(not _nullable(own[name]) for name in lacks):
        return Comparison("different", why)
    if lacks or more:
        return Comparison("older" if lacks else "newer", why)
    return Comparison("same", () if [*theirs] == [*own] else ("in another order",))


def _named_otherwise(schema: Any, table: str) -> Iterator[str]:
    if (name := name_of(schema)) != table:
        yield f"is called {name}"


def _typed_otherwise(theirs: Columns, own: Columns) -> Iterator[str]:
    for name, kind in theirs.items():
        if name in own and kind != own[name]:
            yield f"{name} is {type_name(kind)}; here it is {type_name(own[name])}"


def _nullable(kind: Any) -> bool:
    return isinstance(kind, list) and "null" in kind


def _plain(kind: Any) -> Any:
    """Leave out what other writers add to a primitive type, its Java class say."""
    if isinstance(kind, list):
        return [_plain(each) for each in kind]
    if isinstance(kind, dict) and isinstance(kind.get("type"), str) and not _means_more(kind):
        return kind["type"]
    return kind


def _means_more(kind: Mapping[str, Any]) -> bool:
    return any(name in kind for name in ("logicalType", "name", "items", "values"))


def _word(kind: Any) -> str:
    return kind if isinstance(kind, str) else json.dumps(kind, ensure_ascii=False)
