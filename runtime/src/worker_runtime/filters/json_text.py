"""JSON as event patterns need it: duplicate keys and the spelling of numbers survive reading.

The first step of compiling a pattern, and how the data of a record is read before it is matched.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn


class Pairs(tuple[tuple[str, Any], ...]):
    """A JSON object as it was written: its members in order, none dropped for another of its name."""

    __slots__ = ()


def read_pattern(text: str) -> Any:
    """Read a pattern's text: objects become ``Pairs``, fractions Decimals. Raises ValueError."""
    try:
        return json.loads(text, object_pairs_hook=Pairs, parse_float=_fraction, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_data(text: str | bytes) -> Any:
    """Read a record's data into dicts and lists, fractions as Decimals. Raises ValueError."""
    try:
        return json.loads(text, parse_float=_fraction, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def write(tree: Any) -> str:
    """Write what ``read_pattern`` read in its shortest form, in the order given."""
    if isinstance(tree, Pairs):
        return (
            "{"
            + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{write(value)}" for name, value in tree)
            + "}"
        )
    if isinstance(tree, list):
        return "[" + ",".join(map(write, tree)) + "]"
    return str(tree) if isinstance(tree, Decimal) else json.dumps(tree, ensure_ascii=False)


def _fraction(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ValueError(f"{text[:40]} is out of any number's range") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
