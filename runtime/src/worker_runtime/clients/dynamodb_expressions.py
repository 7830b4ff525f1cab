"""DynamoDB's expression strings, written once: ``#name`` is the attribute name, ``:name`` a value's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLACEHOLDER = re.compile(r"#(\w+)")
PLAIN = re.compile(r"\w+")


def names_in(*expressions: str) -> dict[str, str]:
    """Return ExpressionAttributeNames for every ``#name`` in the expressions."""
    return {f"#{name}": name for text in expressions for name in PLACEHOLDER.findall(text)}


def values_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values under their placeholders: ``now`` becomes ``:now``."""
    return {f":{name}": value for name, value in values.items()}


def update_expression(
    *, to_set: Mapping[str, Any], to_add: Mapping[str, Any], to_remove: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """Return an UpdateExpression and its values; a dot in an attribute leads into a map."""
    values: dict[str, Any] = {}

    def placed(value: Any) -> str:
        name = f":_{len(values)}"
        values[name] = value
        return name

    clauses = {
        "SET": [f"{_path(attribute)} = {placed(value)}" for attribute, value in to_set.items()],
        "ADD": [f"{_path(attribute)} {placed(value)}" for attribute, value in to_add.items()],
        "REMOVE": [_path(attribute) for attribute in to_remove],
    }
    text = " ".join(f"{word} {', '.join(parts)}" for word, parts in clauses.items() if parts)
    if not text:
        raise ValueError("update() changes nothing; give it set=, add= or remove=.")
    return text, values


def _path(attribute: str) -> str:
    steps = attribute.split(".")
    if not all(PLAIN.fullmatch(step) for step in steps):
        raise ValueError(f"{attribute!r} is no attribute path; join letters, digits and _ with dots.")
    return ".".join(f"#{step}" for step in steps)
