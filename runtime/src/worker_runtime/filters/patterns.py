"""Event patterns as AWS has them: compiled and checked where they are declared, then asked of events.

The semantics are those of aws/event-ruler, which EventBridge and Lambda's filters run: a pattern is a choice
of branches (one without ``$or``); of a branch's fields all must hold, within the same elements of the arrays
around them; of a field's conditions one must.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from worker_runtime.errors import InvalidPattern
from worker_runtime.filters.explaining import explain_event, judge
from worker_runtime.filters.explanations import Explanation
from worker_runtime.filters.json_text import Pairs, read_pattern, write
from worker_runtime.filters.leaves import leaves_of
from worker_runtime.filters.matching import Field, hold_together
from worker_runtime.filters.operators import OPERATOR_NAMES, Condition, read_condition

if TYPE_CHECKING:
    from collections.abc import Mapping

Branch = tuple[Field, ...]
Fields = dict[str, tuple[Condition, ...]]

MAX_BRANCHES = 1000  # EventBridge user guide, "Create event patterns": combinations of a rule's $or

# event-ruler's Constants: names that no field inside $or may have
_RESERVED_IN_OR = OPERATOR_NAMES | {
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
}
_RESERVED_IN_OR |= {"date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range"}
_RESERVED_IN_OR |= {"ip-address-in-range", "ip-address-not-in-range"}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A checked event pattern; ``text`` is its JSON in the shortest form, for manifests."""

    text: str
    branches: tuple[Branch, ...] = field(repr=False, compare=False)

    def matches(self, event: Any) -> bool:
        """Tell whether a JSON event, read into dicts and lists, matches; what is no object never does."""
        return isinstance(event, dict) and any(branch_holds(branch, event) for branch in self.branches)

    def explain(self, event: Any, *, name: str = "pattern") -> Explanation:
        """Say why a JSON event matches, or why it does not."""
        judged = judge(self, name=name, explains=lambda branch: explain_event(branch, event))
        return Explanation((judged,))


def branch_holds(branch: Branch, event: dict[str, Any]) -> bool:
    """Tell whether all fields of a branch hold for the event."""
    return hold_together(branch, leaves_of(event, names=[one.name for one in branch])) is not None


def compile_pattern(pattern: Mapping[str, Any] | str) -> Pattern:
    """Check an event pattern and make it ready to match.

    Takes a mapping, or JSON text, in which duplicate keys and the spelling of numbers keep their meaning.
    Raises InvalidPattern for what AWS refuses, with the field, the fault and the cure.
    """
    try:
        tree = read_pattern(pattern if isinstance(pattern, str) else json.dumps(pattern, allow_nan=False))
        branches = _read_object(tree, path=None, branches=[{}], inside_or=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidPattern(f"Event pattern {str(pattern)[:200]}: {error}") from error
    return Pattern(write(tree), tuple(_branch(fields) for fields in branches))


def _branch(fields: Fields) -> Branch:
    # event-ruler goes through the names in order, which tells exists:false what has matched before it
    return tuple(Field(name, fields[name]) for name in sorted(fields))


def _read_object(tree: Any, *, path: str | None, branches: list[Fields], inside_or: bool) -> list[Fields]:
    """Add the fields of one object to each branch so far; a later field of the same name replaces it."""
    if not isinstance(tree, Pairs) or not tree:
        raise ValueError(
            f"{'the pattern' if path is None else repr(path)} must be an object with fields in it."
        )
    for name, value in tree:
        if name == "$or":
            branches = _read_or(value, path=path, branches=branches)
            continue
        if inside_or and name in _RESERVED_IN_OR:
            raise ValueError(f"{name!r} cannot be a field inside $or: it is the name of an operator.")
        here = name if path is None else f"{path}.{name}"
        if isinstance(value, Pairs):
            branches = _read_object(value, path=here, branches=branches, inside_or=inside_or)
        else:
            conditions = _read_conditions(value, path=here)
            branches = [{**fields, here: conditions} for fields in branches]
    return branches


def _read_or(value: Any, *, path: str | None, branches: list[Fields]) -> list[Fields]:
    if not isinstance(value, list) or len(value) < 2:  # noqa: PLR2004 (a choice)
        raise ValueError("$or takes a list of two objects or more.")
    chosen: list[Fields] = []
    for choice in value:
        chosen += _read_object(choice, path=path, branches=branches, inside_or=True)
        if len(chosen) > MAX_BRANCHES:
            raise ValueError(f"$or comes to more than {MAX_BRANCHES} combinations; split the pattern.")
    return chosen


def _read_conditions(value: Any, *, path: str) -> tuple[Condition, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{path!r} must be an object, or a list of at least one value, not {write(value)}.")
    try:
        return tuple(map(read_condition, value))
    except ValueError as error:
        raise ValueError(f"{path!r}: {error}") from error
