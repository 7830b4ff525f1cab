"""Images to rows: the values of a table's columns, in their order, and the rest as JSON."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from worker_runtime import Reject
from workers_pipeline.extras import extra_json
from workers_pipeline.schemas import EXTRA, OF_THE_CHANGE
from workers_pipeline.typed_images import Attributes, Flag, Number, Text, Typed, parsed, strict_parser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from workers_pipeline.hashing import Hashes
    from workers_pipeline.schemas import Column, TableSchema
    from workers_pipeline.typed_images import Image

    Row = tuple[Any, ...]

VIOLATION: Final = "SCHEMA_VIOLATION"
"""The code under which a record is rejected whose item does not fit its table."""

LONGS: Final = range(-(2**63), 2**63)
_DIGITS: Final = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_KINDS: Final = {"string": "S", "long": "N", "boolean": "BOOL"}
_TYPES: Final = {"string": Text, "long": Number, "boolean": Flag}
_NONE: Final[Mapping[str, None]] = {"S": None}
_SMALL: Final[Mapping[str | None, int | None]] = {
    None: None,
    **{str(number): number for number in range(1000)},
}
_FIRST: Final = len(OF_THE_CHANGE)
_OTHERS_MAX: Final = 32
"""Other attributes of a table's items that are looked for; an item with more is read the exact way."""

_SOURCE: Final = """
def read(text, head, hashed):
    image = parse(text)
    rest = {{}}
    {takes}
    return (*head, {values})
"""


class RowReader:
    """Reads rows of a table: the values of its columns, and the rest as JSON.

    A function is generated for it, which takes what is beyond doubt; all else, errors among it, is left to
    the exact way, which words what is wrong. Which other attributes the items have it learns from them.
    """

    def __init__(self, schema: TableSchema) -> None:
        self._schema = schema
        self._columns = schema.fields[_FIRST:]
        self._known = {"type": Text, **_attributes(self._columns)}
        self._mapped = len(self._known)
        self._quick = self._composed()

    def read(self, text: Any, head: Row, hashed: Hashes) -> Row:
        """Read an image's JSON; ``head`` are the values of the change's own columns, which stand first.

        Raises Reject ``SCHEMA_VIOLATION``, or ValueError where the image is none.
        """
        try:
            return self._quick(text, head, hashed)
        except (AttributeError, KeyError, TypeError, ValueError):
            image = parsed(text)
            self._learn(image)
            return (*head, *_exactly(self._columns, image, hashed))

    def _learn(self, image: Image) -> None:
        """Know other attributes the next time; there are few, unless somebody makes them up."""
        others = image.keys() - self._known.keys()
        if others and len(self._known) + len(others) <= self._mapped + _OTHERS_MAX:
            self._known |= dict.fromkeys(sorted(others), Typed)
            self._quick = self._composed()

    def _composed(self) -> Callable[[Any, Row, Hashes], Row]:
        names: dict[str, Any] = {
            "parse": strict_parser(self._known),
            "none": _NONE,
            "small": _SMALL,
            "whole": whole,
            "extra_json": extra_json,
        }
        places = {name: f"image.a{at}" for at, name in enumerate(self._known)}
        others = [*self._known][self._mapped :]
        takes = (*_takes(self._columns, places), *_rest(others, places), *_extra(self._columns))
        values = ", ".join(f"v{at}" for at in range(len(self._columns)))
        exec(_SOURCE.format(takes="\n    ".join(takes), values=values), names)  # noqa: S102 - names in quotes
        return names["read"]  # type: ignore[no-any-return]  # made by the line above


def _attributes(columns: Sequence[Column]) -> dict[str, Any]:
    """List the attributes that columns take, and what each has to be."""
    taken: dict[str, Any] = {}
    for column in columns:
        outer, _, inner = (column.attribute or "").partition(".")
        if outer:
            taken[outer] = Attributes if inner else _TYPES[column.kind]
    return taken


def _takes(columns: Sequence[Column], places: Mapping[str, str]) -> Iterator[str]:
    """Write how each column takes its attribute; what a map has beside it is part of the rest."""
    for at, column in enumerate(columns):
        outer, _, inner = (column.attribute or "").partition(".")
        if inner:
            yield f"m{at} = {{}} if (t := {places[outer]}) is None else t.M"
            held = f"m{at}.pop({inner!r}, none)['S']"
            yield f"v{at} = {_converted(column, held)}"
            yield f"if m{at}: rest[{outer!r}] = {{'M': m{at}}}"
        elif outer:
            held = f"{places[outer]}.{_KINDS[column.kind]}"
            if column.nullable:
                held = f"(None if (t := {places[outer]}) is None else t.{_KINDS[column.kind]})"
            yield f"v{at} = {_converted(column, held)}"


def _rest(others: Sequence[str], places: Mapping[str, str]) -> Iterator[str]:
    for name in others:
        yield f"if (t := {places[name]}) is not None: rest[{name!r}] = t"


def _extra(columns: Sequence[Column]) -> Iterator[str]:
    at = [column.name for column in columns].index(EXTRA)
    yield f"v{at} = extra_json(rest) if rest else None"


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


def _exactly(columns: Sequence[Column], image: Image, hashed: Hashes) -> Row:
    """Read a row the slow way; Reject says which attribute does not fit, never its value."""
    image.pop("type", None)
    values: dict[str, Any] = {}
    for column in columns:
        if column.attribute is not None:
            values[column.name] = _value(column, column.attribute, image, hashed)
    try:
        values[EXTRA] = extra_json(image) if image else None
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
