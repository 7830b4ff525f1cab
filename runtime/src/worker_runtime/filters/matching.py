"""Whether all fields of a pattern hold at once, within the same elements of an event's arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker_runtime.filters.leaves import Leaf, Place
    from worker_runtime.filters.operators import Condition

Elements = dict[int, int]
"""Of the arrays that matches so far stand in, which element."""


@dataclass(frozen=True, slots=True)
class Field:
    """A dotted name and the conditions of which one must hold."""

    name: str
    conditions: tuple[Condition, ...]

    @property
    def may_be_absent(self) -> bool:
        """Tell whether one condition wants no leaf of the name."""
        return any(condition.wants_absence for condition in self.conditions)

    def places(self, leaves: Sequence[Leaf]) -> frozenset[Place]:
        """Say where leaves that one of the conditions takes are."""
        return frozenset(leaf.place for leaf in leaves if any(one.takes(leaf) for one in self.conditions))


def hold_together(fields: Sequence[Field], leaves: Mapping[str, Sequence[Leaf]]) -> Elements | None:
    """Find where each field holds, no two of them in different elements of one array; None: nowhere."""
    places = [field.places(leaves.get(field.name, ())) for field in fields]
    if any(not here and not field.may_be_absent for field, here in zip(fields, places, strict=True)):
        return None
    todo: list[tuple[int, Elements]] = [(0, {})]
    seen = set()
    while todo:
        at, so_far = todo.pop()
        if at == len(fields):
            return so_far
        field, there = fields[at], leaves.get(fields[at].name, ())
        reached = [{**so_far, **dict(place)} for place in places[at] if agrees(place, so_far)]
        if field.may_be_absent and not any(agrees(leaf.place, so_far) for leaf in there):
            reached.append(so_far)
        for elements in reached:
            step = (at + 1, frozenset(elements.items()))
            if step not in seen:
                seen.add(step)
                todo.append((at + 1, elements))
    return None


def agrees(place: Place, so_far: Elements) -> bool:
    """Tell whether a place is in none but these elements of the arrays that they name."""
    return all(so_far.get(array, element) == element for array, element in place)
