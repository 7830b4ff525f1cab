"""What a policy that an authorizer wrote says of one method: allowed, denied, or nothing."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Effect(Enum):
    """How a policy decides."""

    ALLOWED = "Allow"
    DENIED = "Deny"
    SILENT = ""


def effect_of(policy: Mapping[str, Any], arn: str) -> Effect:
    """Decide as IAM does: a Deny that matches wins, then an Allow."""
    said = {
        statement.get("Effect")
        for statement in _listed(policy.get("Statement"))
        if isinstance(statement, dict)
        and any(_matches(str(each), arn) for each in _listed(statement.get("Resource")))
    }
    if "Deny" in said:
        return Effect.DENIED
    return Effect.ALLOWED if "Allow" in said else Effect.SILENT


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _matches(pattern: str, arn: str) -> bool:
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(escaped, arn) is not None
