"""Filter policies of SNS subscriptions: event patterns with fewer operators and narrower bounds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from worker_runtime.errors import InvalidPattern
from worker_runtime.filters.explanations import Explanation
from worker_runtime.filters.json_text import read_data
from worker_runtime.filters.patterns import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.filters.patterns import Pattern

Scope = Literal["MessageAttributes", "MessageBody"]

SCOPES: tuple[Scope, ...] = ("MessageAttributes", "MessageBody")
# SNS developer guide, "Filter policy constraints"
MAX_KEYS = 5
MAX_COMBINATIONS = 150
MAX_BYTES = 262_144

_TEXT_ONLY = ("prefix", "suffix")  # event patterns know them with equals-ignore-case too
_OPERATORS = ("anything-but", "cidr", "equals-ignore-case", "exists", "numeric", *_TEXT_ONLY)


@dataclass(frozen=True, slots=True)
class Policy:
    """A checked filter policy; one without a pattern takes every message."""

    pattern: Pattern | None
    scope: Scope

    def takes(self, message: str, attributes: Mapping[str, Mapping[str, Any]]) -> bool:
        """Tell whether SNS delivers a message with these attributes, given as it takes or delivers them."""
        return self.pattern is None or self.pattern.matches(self._seen(message, attributes))

    def explain(self, message: str, attributes: Mapping[str, Mapping[str, Any]]) -> Explanation:
        """Say why SNS delivers a message with these attributes, or why it does not."""
        if self.pattern is None:
            return Explanation(())
        return self.pattern.explain(self._seen(message, attributes), name="filter policy")

    def _seen(self, message: str, attributes: Mapping[str, Mapping[str, Any]]) -> Any:
        """Return what the pattern is asked of; the text itself where that is no JSON."""
        if self.scope == "MessageAttributes":
            return {name: _value(each) for name, each in attributes.items()}
        try:
            return read_data(message)
        except ValueError:
            return message


def compile_policy(policy: Mapping[str, Any], *, scope: Scope) -> Policy:
    """Check a filter policy and make it ready to match; raises InvalidPattern for what SNS refuses."""
    if scope not in SCOPES:
        raise InvalidPattern(f"Filter policy scope {scope!r} is none of SNS's; say {' or '.join(SCOPES)}.")
    if not policy:
        return Policy(None, scope)
    pattern = compile_pattern(policy)
    tree = json.loads(pattern.text)
    try:
        combinations = _combinations(tree, depth=1, nested=scope == "MessageBody")
        if len(tree) > MAX_KEYS:
            raise ValueError(f"it has {len(tree)} keys, SNS takes {MAX_KEYS}.")  # noqa: TRY301 - worded below
        if combinations > MAX_COMBINATIONS:
            raise ValueError(f"it comes to {combinations} combinations, SNS takes {MAX_COMBINATIONS}.")  # noqa: TRY301 - the same
        if len(pattern.text.encode()) > MAX_BYTES:
            raise ValueError(f"it has over {MAX_BYTES} bytes, SNS takes no more.")  # noqa: TRY301 - the same
    except ValueError as error:
        raise InvalidPattern(f"Filter policy {pattern.text[:200]}: {error}") from error
    return Policy(pattern, scope)


def _combinations(tree: dict[str, Any], *, depth: int, nested: bool) -> int:
    """Multiply what each key has to choose from, times its depth; checks the entries on the way."""
    product = 1
    for key, value in tree.items():
        if key == "$or":
            product *= sum(_combinations(choice, depth=depth, nested=nested) for choice in value)
        elif isinstance(value, dict):
            if not nested:
                raise ValueError(f"{key!r} is nested, which attributes are not; say scope MessageBody.")
            product *= _combinations(value, depth=depth + 1, nested=nested)
        else:
            product *= len(value) * depth
            for entry in value:
                _check_entry(key, entry)
    return product


def _check_entry(key: str, entry: Any) -> None:
    """Refuse operators that event patterns have and filter policies have not."""
    (operator, argument), *_ = entry.items() if isinstance(entry, dict) else [("exists", True)]
    if operator not in _OPERATORS:
        raise ValueError(f"{key!r}: SNS knows no {operator!r}; there are {', '.join(_OPERATORS)}.")
    if operator in _TEXT_ONLY and not isinstance(argument, str):
        raise ValueError(f"{key!r}: {operator} takes text in SNS.")
    if operator == "anything-but" and isinstance(argument, dict) and "prefix" not in argument:
        raise ValueError(
            f"{key!r}: anything-but takes values or prefix in SNS, not {next(iter(argument))!r}."
        )


def _value(attribute: Mapping[str, Any]) -> Any:
    """Read a message attribute as a filter policy sees it; binary ones are never looked at."""
    kind = str(attribute.get("DataType", attribute.get("Type")))
    text = attribute.get("StringValue", attribute.get("Value"))
    if kind.startswith("Binary"):
        return []
    if kind == "String.Array" or kind.startswith("Number"):
        try:
            return read_data(str(text))
        except ValueError:
            return text
    return text
