"""Short prints of attributes, by which a change of an item finds the write that made it.

A table's changes come after their writes, in the same order, but a write may change nothing, and others
may write too. A print is a digest of a name and a value; a write made a change where all that it set
is in the new image, and some of it was not in the old one.

No print tells whose it is: each file has a salt of its own, and what is personal has so short a print that
millions of phone numbers share it. It tells a change of it all the same, but for one in thousands.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.stage.lineage.masked_bodies import masked_value
from worker_runtime.redaction import personal, redact

if TYPE_CHECKING:
    from collections.abc import Mapping

_SET: Final = re.compile(
    r"(?<![\w.\]])(#?\w+)\s*=\s*(:\w+)\s*(?=,|$|\s+(?:REMOVE|ADD|DELETE|SET)\b)", re.IGNORECASE
)
_CLAUSE: Final = re.compile(r"\bSET\b(.*?)(?=\b(?:REMOVE|ADD|DELETE)\b|$)", re.IGNORECASE | re.DOTALL)


_LENGTH: Final = 8  # hexadecimal digits
_LENGTH_OF_PERSONAL: Final = 3


class Prints:
    """Prints of one file, made with its ``salt``."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt

    def of(self, attributes: Mapping[str, Any]) -> str:
        """Print each of some attributes in DynamoDB's JSON."""
        return " ".join(sorted(self._print(name, value) for name, value in attributes.items()))

    def of_change(self, change: Mapping[str, Any]) -> str:
        """Print the attributes of a change's new image; ``+`` marks what is other than in the old one."""
        before, now = change.get("OldImage") or {}, change.get("NewImage") or {}
        printed = sorted((self._print(name, value), name) for name, value in now.items())
        return " ".join(
            own if name in before and self._is_of(before[name], own, name, now[name]) else f"+{own}"
            for own, name in printed
        )

    def _is_of(self, before: Any, own: str, name: str, now: Any) -> bool:
        """Whether a value of the old image has the print of the new one."""
        return before == now or self._print(name, before) == own

    def _print(self, name: str, value: Any) -> str:
        said = json.dumps([name, _canonical(value)], sort_keys=True)
        digest = blake2b(said.encode(), key=self._salt, digest_size=_LENGTH // 2).hexdigest()
        return digest[:_LENGTH_OF_PERSONAL] if _personal(name, value) else digest


def _personal(name: str, value: Any) -> bool:
    if not personal(name) and masked_value(value) is value:  # the most part, and told the soonest
        return False
    return bool(redact(value, key=name) != value)


def set_by(call: Mapping[str, Any]) -> dict[str, Any]:
    """List the attributes that an ``UpdateItem`` simply sets; what it computes is not known."""
    names = call.get("ExpressionAttributeNames") or {}
    values = call.get("ExpressionAttributeValues") or {}
    clauses = " , ".join(_CLAUSE.findall(call.get("UpdateExpression") or ""))
    return {names.get(name, name): values[value] for name, value in _SET.findall(clauses) if value in values}


def _canonical(value: Any) -> Any:
    """Write numbers and sets in one way only: DynamoDB gives them back in its own."""
    match value:
        case {"N": str(number)}:
            return {"N": _number(number)}
        case {"NS": list(numbers)}:
            return {"NS": sorted(map(_number, numbers))}
        case {"SS": list(texts)}:
            return {"SS": sorted(texts)}
        case dict():
            return {name: _canonical(each) for name, each in value.items()}
        case list():
            return [_canonical(each) for each in value]
    return value


def _number(text: str) -> str:
    try:
        return str(Decimal(text).normalize())
    except InvalidOperation:
        return text
