"""The ways in which a caller may name a function: name, partial ARN, ARN; each with or without a version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LATEST: Final = "$LATEST"

_NAMED: Final = re.compile(
    r"(arn:aws[a-zA-Z-]*:lambda:[a-z0-9-]+:)?(\d{12}:)?(function:)?"
    r"(?P<name>[a-zA-Z0-9_-]+)(:(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]+))?"
)  # Invoke, FunctionName


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A function's own name, and the version or alias that is meant; None where none is said."""

    name: str
    qualifier: str | None = None


def function_named(given: str) -> FunctionName | None:
    """Read what a caller says; None where no function can be called so."""
    said = _NAMED.fullmatch(given)
    return None if said is None else FunctionName(said["name"], said["qualifier"])
