"""Images to rows: the values of a table's columns, in their order, and the rest as JSON.

A function is generated for each schema, which takes what is beyond doubt; all else, errors among it, is left
to the exact way, which words what is wrong.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from worker_runtime import Reject
from workers_pipeline.extras import extra_json
from workers_pipeline.schemas import EXTRA, OF_THE_CHANGE
from workers_pipeline.typed_images import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workers_pipeline.hashing import Hashes
    from workers_pipeline.schemas import Column, TableSchema
    from workers_pipeline.typed_images import Image, Typed

    Row = tuple[Any, ...]
    ReadRow = Callable[[Image, Any, Row, Hashes], Row]

VIOLATION: Final = "SCHEMA_VIOLATION"
"""The code under which a record is rejected whose item does not fit its table."""

LONGS: Final = range(-(2**63), 2**63)
_DIGITS: Final = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_KINDS: Final = {"string": "S", "long": "N", "boolean": "BOOL"}
_NONE: Final[Mapping[str, None]] = dict.fromkeys(_KINDS.values())
_NO_MAP: Final[Mapping[str, dict[str, Any]]] = {"M": {}}
_SMALL: Final[Mapping[str | None, int | None]] = {
    None: None,
    **{str(number): number for number in range(1000)},
}
_FIRST: Final = len(OF_THE_CHANGE)

_SOURCE: Final = """
def read(image, text, head, hashed):
    try:
        take = image.pop
        del image["type"]
        {takes}
    except (KeyError, TypeError, ValueError):
        return exactly(parsed(text), head, hashed)
    return (*head, {values})
"""


def row_reader(schema: TableSchema) -> ReadRow:
    """Compose what reads rows of a table.

    It takes an image (which it uses up), the same as JSON, the values of the change's own columns, and what
    hashes; it raises Reject ``SCHEMA_VIOLATION``.
    """
    names: dict[str, Any] = {
        "parsed": parsed,
        "none": _NONE,
        "no_map": _NO_MAP,
        "small": _SMALL,
        "whole": whole,
        "extra_json": extra_json,
        "exactly": lambda image, head, hashed: (*head, *_exactly(schema, image, hashed)),
    }
    columns = schema.fields[_FIRST:]
    source = _SOURCE.format(
        takes="\n        ".join(_takes(columns)),
        values=", ".join(f"v{at}" for at in range(len(columns))),
    )
    exec(source, names)  # noqa: S102 - of names of our own schemas, in quotes
    return names["read"]  # type: ignore[no-any-return]  # made by the line above


def _takes(columns: tuple[Column, ...]) -> list[str]:
    """Write how each column takes its attribute out of the image; what is left over is extra."""
    lines, inside, last = [], [], ""
    for at, column in enumerate(columns):
        if column.attribute is None:
            last = f"v{at} = extra_json(image) if image else None"
            continue
        outer, _, inner = column.attribute.partition(".")
        held = f'take({outer!r}, none)["{_KINDS[column.kind]}"]'
        if inner:
            lines.append(f'm{at} = take({outer!r}, no_map)["M"]')
            held = f'm{at}.pop({inner!r}, none)["S"]'
            inside.append(f'if m{at}: image[{outer!r}] = {{"M": m{at}}}')
        elif not column.nullable:
            held = f'take({outer!r})["S"]'
        lines.append(f"v{at} = {_converted(column, held)}")
    return [*lines, *inside, last]


def _converted(column: Column, held: str) -> str:
    if column.kind == "long":
        return f"small[n] if (n := {held}) in small else whole(n)"
    return f"hashed[{held}]" if column.hashed else held


def whole(digits: str) -> int:
    """Read an integral number of 64 bits, however it is written; ValueError where it is none."""
    exact = Decimal(digits) if _DIGITS.fullmatch(digits) else Decimal("NaN")
    if not exact.is_finite() or exact != exact.to_integral_value() or int(exact) not in LONGS:
        raise ValueError("it is no whole number of 64 bits")
    return int(exact)


def _exactly(schema: TableSchema, image: Image, hashed: Hashes) -> Row:
    """Read a row the slow way; Reject says which attribute does not fit, never its value."""
    image.pop("type", None)
    values: dict[str, Any] = {}
    for column in schema.fields[_FIRST:]:
        if column.attribute is not None:
            values[column.name] = _value(column, column.attribute, image, hashed)
    try:
        values[EXTRA] = extra_json(image) if image else None
    except ValueError as error:
        raise Reject(VIOLATION, str(error)) from error
    return tuple(values[column.name] for column in schema.fields[_FIRST:])


def _value(column: Column, attribute: str, image: Image, hashed: Hashes) -> Any:
    outer, _, inner = attribute.partition(".")
    typed = image.pop(outer, None)
    if inner and typed is not None and "NULL" not in typed:
        if "M" not in typed:
            raise _violation(outer, "M", typed)
        rest = typed["M"]
        typed = rest.pop(inner, None)
        if rest:
            image[outer] = {"M": rest}
    if typed is None or "NULL" in typed:
        if column.nullable:
            return None
        raise Reject(VIOLATION, f"{attribute} is missing")
    kind = _KINDS[column.kind]
    if kind not in typed:
        raise _violation(attribute, kind, typed)
    held: Any = typed[kind]  # type: ignore[literal-required]  # one of the three
    try:
        return whole(held) if kind == "N" else hashed[held] if column.hashed else held
    except ValueError as error:
        raise Reject(VIOLATION, f"{attribute}: {error}") from error


def _violation(attribute: str, kind: str, typed: Typed) -> Reject:
    return Reject(VIOLATION, f"{attribute} takes {kind}, not {' and '.join(sorted(typed)) or 'nothing'}")
