"""The entries of a field's list, literals and match expressions, read into conditions on a leaf."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from worker_runtime.filters import texts
from worker_runtime.filters.json_text import Pairs, write
from worker_runtime.filters.leaves import leaf as leaf_of
from worker_runtime.filters.ranges import comparable_number, parse_range

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.filters.leaves import Leaf
    from worker_runtime.filters.texts import Takes

LITERAL = "exact"
"""The operator of an entry that is the value itself."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of a field's list: what it takes, and its name and JSON for people.

    ``wants_absence`` says that it holds where the field has no leaf.
    """

    operator: str
    argument: str
    takes: Takes
    wants_absence: bool = False


def read_condition(entry: Any) -> Condition:
    """Read one entry. Raises ValueError for what AWS refuses."""
    if not isinstance(entry, Pairs):
        return Condition(LITERAL, write(entry), _literal(entry))
    name, argument = _only_member(entry)
    if name == "exists":
        if not isinstance(argument, bool):
            raise ValueError(f"exists takes true or false, not {write(argument)}.")
        return Condition(name, write(argument), lambda _leaf: argument, wants_absence=not argument)
    read = _OPERATORS.get(name)
    if read is None:
        raise ValueError(f"{name!r} is no operator; there are {', '.join([*_OPERATORS, 'exists'])}.")
    return Condition(name, write(argument), read(argument))


def _literal(value: Any) -> Takes:
    if isinstance(value, str):
        return texts.equal_to(value)
    if isinstance(value, list):
        raise ValueError("a list stands in the list; write text, a number, true, false, null or an operator.")  # noqa: TRY004 (as every fault of a pattern)
    same = leaf_of(value)
    if same.number is not None:
        return lambda leaf: leaf.number == same.number
    return lambda leaf: leaf.text == same.text


def _of_text(name: str, meaning: Callable[[str], Takes]) -> Callable[[Any], Takes]:
    """Make the operator that takes text and nothing else."""

    def read(argument: Any) -> Takes:
        if isinstance(argument, str):
            return meaning(argument)
        raise ValueError(f"{name} takes text, not {write(argument)}.")

    return read


def _of_text_or_case(
    name: str, meaning: Callable[[str], Takes], but_for_case: Callable[[str], Takes]
) -> Callable[[Any], Takes]:
    """Make the operator that takes text, or text under ``equals-ignore-case``."""
    plain, nested = _of_text(name, meaning), _of_text("equals-ignore-case", but_for_case)

    def read(argument: Any) -> Takes:
        if not isinstance(argument, Pairs):
            return plain(argument)
        inner, text = _only_member(argument)
        if inner != "equals-ignore-case":
            raise ValueError(f"{name} takes text or equals-ignore-case, not {inner!r}.")
        return nested(text)

    return read


def _anything_but(argument: Any) -> Takes:
    if isinstance(argument, Pairs):
        return _none_of(_nested(*_only_member(argument)))
    values = argument if isinstance(argument, list) else [argument]
    if values and all(isinstance(value, str) for value in values):
        quoted = frozenset(f'"{value}"' for value in values)
        return lambda leaf: leaf.text not in quoted
    if values and all(isinstance(value, int | Decimal) and not isinstance(value, bool) for value in values):
        numbers = frozenset(map(comparable_number, values))
        return lambda leaf: leaf.number not in numbers
    raise ValueError(f"anything-but takes texts or numbers, all of one kind, not {write(argument)}.")


def _nested(name: str, argument: Any) -> list[Takes]:
    if name not in _NESTED:
        raise ValueError(f"anything-but takes {', '.join(_NESTED)}, not {name!r}.")
    values = argument if isinstance(argument, list) else [argument]
    if name in ("prefix", "suffix") and "" in values:
        raise ValueError(f"anything-but takes no empty {name}: everything has it.")
    return [_NESTED[name](value) for value in values]


def _none_of(refused: list[Takes]) -> Takes:
    def takes(leaf: Leaf) -> bool:
        return not any(one(leaf) for one in refused)

    return takes


def _only_member(pairs: Pairs) -> tuple[str, Any]:
    if len(pairs) != 1:
        names = ", ".join(name for name, _ in pairs) or "none"
        raise ValueError(f"a match expression has one operator, not {names}; write one object for each.")
    return pairs[0]


_NESTED: dict[str, Callable[[Any], Takes]] = {
    "prefix": _of_text("prefix", texts.beginning_with),
    "suffix": _of_text("suffix", texts.ending_with),
    "equals-ignore-case": _of_text("equals-ignore-case", texts.equal_but_for_case),
    "wildcard": _of_text("wildcard", texts.fitting),
}

_OPERATORS: dict[str, Callable[[Any], Takes]] = {
    "exactly": _of_text("exactly", texts.equal_to),
    "prefix": _of_text_or_case("prefix", texts.beginning_with, texts.beginning_with_but_for_case),
    "suffix": _of_text_or_case("suffix", texts.ending_with, texts.ending_with_but_for_case),
    "equals-ignore-case": _NESTED["equals-ignore-case"],
    "wildcard": _NESTED["wildcard"],
    "cidr": _of_text("cidr", texts.in_block),
    "numeric": lambda terms: parse_range(terms).takes,
    "anything-but": _anything_but,
}

OPERATOR_NAMES = frozenset({*_OPERATORS, "exists"})
