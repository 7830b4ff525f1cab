"""Explains what the matcher decided: asks it field by field, so that the two can never disagree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from worker_runtime.filters.explanations import Finding, Judgement
from worker_runtime.filters.leaves import leaf, leaves_of
from worker_runtime.filters.matching import agrees, hold_together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker_runtime.filters.explanations import Why
    from worker_runtime.filters.leaves import Leaf
    from worker_runtime.filters.matching import Elements, Field
    from worker_runtime.filters.patterns import Branch, Pattern

    Leaves = Mapping[str, Sequence[Leaf]]
    Explained = tuple[bool, list[Finding]]


def judge(pattern: Pattern, *, name: str, explains: Callable[[Branch], Explained]) -> Judgement:
    """Say what one pattern makes of a record: why its first branch that holds does, or why none does."""
    told = [explains(branch) for branch in pattern.branches]
    taken = next((findings for holds, findings in told if holds), None)
    if taken is not None:
        return Judgement(name, pattern.text, taken=True, findings=tuple(taken))
    return Judgement(name, pattern.text, taken=False, findings=_joined([found for _, found in told]))


def explain_event(branch: Branch, event: Any) -> Explained:
    """Explain a branch for what may be no object, which nothing matches."""
    if isinstance(event, dict):
        return explain_branch(branch, event)
    return False, [finding(one, "no_object", [leaf(event)]) for one in branch[:1]]


def explain_branch(branch: Branch, event: dict[str, Any]) -> Explained:
    """Say whether a branch holds for an event, and which of its fields do, else which of them do not."""
    leaves = leaves_of(event, names=[one.name for one in branch])
    elements = hold_together(branch, leaves)
    if elements is not None:
        return True, [_held(one, leaves, elements) for one in branch]
    refused = [_refused(one, event, leaves) for one in branch if _never(one, leaves)]
    return False, refused or [_apart(branch, leaves)]


def finding(field: Field, why: Why, seen: Sequence[Leaf] = (), *, nearest: str = "") -> Finding:
    """Note what a field met."""
    asked = tuple((each.operator, each.argument) for each in field.conditions)
    values = dict.fromkeys(leaf.text for leaf in reversed(seen))  # leaves are gathered last first
    return Finding(field.name, asked, why, tuple(values), nearest)


def _held(field: Field, leaves: Leaves, elements: Elements) -> Finding:
    places = field.places(there := leaves.get(field.name, ()))
    taken = [leaf for leaf in there if leaf.place in places and agrees(leaf.place, elements)]
    met = [leaf for leaf in taken if any(each.takes(leaf) for each in field.conditions)]
    return finding(field, "matches" if met else "absent", met)


def _never(field: Field, leaves: Leaves) -> bool:
    """Tell whether a field does not hold, whatever the elements in which the others do."""
    there = leaves.get(field.name, ())
    if field.places(there):
        return False
    return not field.may_be_absent or any(leaf.place == () for leaf in there)


def _refused(field: Field, event: dict[str, Any], leaves: Leaves) -> Finding:
    if there := leaves.get(field.name, ()):
        return finding(field, "differs", there)
    deepest, value = _deepest(event, field.name)
    if deepest == field.name:
        return finding(field, "no_value", nearest="an object" if isinstance(value, dict) else "an empty list")
    below = deepest and f"{deepest}."
    lacking = below + field.name.removeprefix(below).partition(".")[0]
    return finding(field, "missing", nearest="" if lacking == field.name else lacking)


def _apart(branch: Branch, leaves: Leaves) -> Finding:
    """Blame the first field that does not hold together with those before it."""
    at = next(at for at in range(len(branch)) if hold_together(branch[: at + 1], leaves) is None)
    field, there = branch[at], leaves.get(branch[at].name, ())
    met = [leaf for leaf in there if any(each.takes(leaf) for each in field.conditions)]
    if not met:  # it has to be missing, and is not in any element in which those before it hold
        return finding(field, "differs", there)
    before = [one.name for one in branch[:at] if any(leaf.place for leaf in leaves.get(one.name, ()))]
    return finding(field, "elsewhere", met, nearest=" and ".join(before))


def _joined(told: Sequence[Sequence[Finding]]) -> tuple[Finding, ...]:
    """Tell once what refuses every branch, then what is each one's own, with its number."""
    if len(told) == 1:
        return tuple(told[0])
    shared = [each for each in told[0] if all(each in others for others in told[1:])]
    own = [
        replace(each, choice=number)
        for number, findings in enumerate(told, start=1)
        for each in findings
        if each not in shared
    ]
    return (*shared, *own)


def _deepest(event: dict[str, Any], name: str) -> tuple[str, Any]:
    """Follow a dotted name as far as an event has it: the path that is there, and what is at its end."""
    deepest: tuple[str, Any] = ("", event)
    todo: list[tuple[str, Any]] = [("", event)]
    while todo:
        path, value = todo.pop()
        if len(path) > len(deepest[0]):
            deepest = (path, value)
        if isinstance(value, dict):
            below = ((f"{path}.{key}" if path else key, inner) for key, inner in value.items())
            todo.extend(each for each in below if name == each[0] or name.startswith(f"{each[0]}."))
        elif isinstance(value, list | tuple):
            todo.extend((path, inner) for inner in value)
    return deepest
