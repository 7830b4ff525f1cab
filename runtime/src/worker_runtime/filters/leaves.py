"""An event's leaves by their dotted name, each with its place in the arrays around it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Place = tuple[tuple[int, int], ...]
"""Which element of which array, outermost first; of an array's own plain values, the array left out."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One plain value of an event: a string in quotes, else the literal; its number if comparable."""

    text: str
    number: float | None = None
    place: Place = ()


def leaves_of(event: Mapping[str, Any], *, names: Iterable[str]) -> dict[str, list[Leaf]]:
    """Gather the leaves of these dotted names; ``{"a.b": 1}`` and ``{"a": {"b": 1}}`` have the same."""
    wanted = frozenset(names)
    on_the_way = wanted.union(*map(_ancestors, wanted))
    found: dict[str, list[Leaf]] = {}
    arrays = count()
    todo: list[tuple[str | None, Any, Place]] = [(None, event, ())]
    while todo:  # not recursive: an event may be nested as deep as it likes
        path, value, place = todo.pop()
        if isinstance(value, dict):
            below = ((key if path is None else f"{path}.{key}", inner) for key, inner in value.items())
            todo.extend((name, inner, place) for name, inner in below if name in on_the_way)
        elif isinstance(value, list | tuple):
            todo.extend((path, inner, at) for inner, at in _elements(value, array=next(arrays), place=place))
        elif path in wanted:
            found.setdefault(path, []).append(leaf(value, place=place))
    return found


def leaf(value: Any, *, place: Place = ()) -> Leaf:
    """Write a plain JSON value as leaves are compared."""
    if isinstance(value, str):
        return Leaf(f'"{value}"', None, place)
    if value is None:
        return Leaf("null", None, place)
    if isinstance(value, bool):
        return Leaf("true" if value else "false", None, place)
    if isinstance(value, int | float | Decimal):
        return Leaf(str(value), comparable(value), place)
    return Leaf(repr(value), None, place)


def comparable(value: float | Decimal) -> float | None:
    """Give the number that comparisons use, or None for one that a double cannot carry.

    AWS compares 300 and 300.0 as equal numbers; what a double would change (9007199254740993, 1E-325)
    equals only its own spelling.
    """
    try:
        double = float(value)
    except (OverflowError, ValueError):
        return None
    if not math.isfinite(double):
        return None
    return double if isinstance(value, float) or Decimal(repr(double)) == value else None


def _ancestors(name: str) -> Iterator[str]:
    at = name.find(".")
    while at >= 0:
        yield name[:at]
        at = name.find(".", at + 1)


def _elements(values: Iterable[Any], *, array: int, place: Place) -> Iterator[tuple[Any, Place]]:
    for index, value in enumerate(values):
        inside = isinstance(value, dict | list | tuple)
        yield value, ((*place, (array, index)) if inside else place)
