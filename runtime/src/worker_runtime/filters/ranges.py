"""Numeric match expressions: ``["=", 5]``, ``[">", 0, "<=", 5]``."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from worker_runtime.filters.leaves import comparable

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.filters.leaves import Leaf

_LOWER = {">": operator.gt, ">=": operator.ge}
_UPPER = {"<": operator.lt, "<=": operator.le}
_ALONE = {"=": operator.eq, **_LOWER, **_UPPER}


@dataclass(frozen=True, slots=True)
class Bound:
    """A comparison with one number."""

    holds: Callable[[float, float], bool]
    number: float


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds that all have to hold."""

    bounds: tuple[Bound, ...]

    def takes(self, leaf: Leaf) -> bool:
        """Tell whether the leaf is a number within the bounds."""
        number = leaf.number
        return number is not None and all(bound.holds(number, bound.number) for bound in self.bounds)


def parse_range(terms: Any) -> Range:
    """Read the terms of ``numeric``. Raises ValueError for what AWS refuses."""
    if isinstance(terms, list) and len(terms) == 2:  # noqa: PLR2004 (one comparison)
        return Range((_bound(*terms, known=_ALONE),))
    if not isinstance(terms, list) or len(terms) != 4:  # noqa: PLR2004 (two comparisons)
        raise ValueError('numeric takes a list of one or two comparisons, [">", 0, "<=", 5].')
    lower, upper = _bound(*terms[:2], known=_LOWER), _bound(*terms[2:], known=_UPPER)
    if lower.number >= upper.number:
        raise ValueError(
            f"numeric takes a range whose bottom is below its top, not {terms[1]} to {terms[3]}."
        )
    return Range((lower, upper))


def comparable_number(value: Any) -> float:
    """Give the number that comparisons use. Raises ValueError for what a double cannot carry exactly."""
    number = comparable(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
    if number is None:
        raise ValueError(f"{value!r} cannot be compared; write a number that a double carries exactly.")
    return number


def _bound(sign: Any, number: Any, *, known: dict[str, Callable[[Any, Any], bool]]) -> Bound:
    if not isinstance(sign, str) or sign not in known:
        raise ValueError(f"numeric takes {', '.join(known)} here, not {sign!r}.")
    return Bound(known[sign], comparable_number(number))
