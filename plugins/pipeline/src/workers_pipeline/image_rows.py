"""Images to rows: the values of a table's columns, in their order, and the rest as JSON."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from worker_runtime import Reject
from workers_pipeline.extras import extra_json
from workers_pipeline.schemas import EXTRA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workers_pipeline.hashing import Hashes
    from workers_pipeline.schemas import Column
    from workers_pipeline.typed_images import Image, Typed

    Row = tuple[Any, ...]

VIOLATION: Final = "SCHEMA_VIOLATION"
"""The code under which a record is rejected whose item does not fit its table."""

LONGS: Final = range(-(2**63), 2**63)
_DIGITS: Final = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
KINDS: Final = {"string": "S", "long": "N", "boolean": "BOOL"}
"""DynamoDB's type of what a column of a type takes."""


def exact_row(columns: Sequence[Column], image: Image, hashed: Hashes) -> Row:
    """Read the columns' values of an image, which is used up.

    Reject ``SCHEMA_VIOLATION`` says which attribute does not fit, never its value.
    """
    image.pop("type", None)
    values: dict[str, Any] = {}
    for column in columns:
        if column.attribute is not None:
            values[column.name] = _value(column, column.attribute, image, hashed)
    try:
        values[EXTRA] = extra_json(image)
    except ValueError as error:
        raise Reject(VIOLATION, str(error)) from error
    return tuple(values[column.name] for column in columns)


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
    kind = KINDS[column.kind]
    if kind not in typed:
        raise _violation(attribute, kind, typed)
    held: Any = typed[kind]  # type: ignore[literal-required]  # one of the three
    try:
        return whole(held) if kind == "N" else hashed[held] if column.hashed else held
    except ValueError as error:
        raise Reject(VIOLATION, f"{attribute}: {error}") from error


def _violation(attribute: str, kind: str, typed: Typed) -> Reject:
    return Reject(VIOLATION, f"{attribute} takes {kind}, not {' and '.join(sorted(typed)) or 'nothing'}")


def whole(digits: str) -> int:
    """Read an integral number of 64 bits, however it is written; ValueError where it is none."""
    exact = Decimal(digits) if _DIGITS.fullmatch(digits) else Decimal("NaN")
    if not exact.is_finite() or exact != exact.to_integral_value() or int(exact) not in LONGS:
        raise ValueError("it is no whole number of 64 bits")
    return int(exact)
