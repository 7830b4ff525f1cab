"""Short prints of attributes, by which a change of an item finds the write that made it.

A table's changes come after their writes, in the same order, but a write may change nothing, and others
may write too. A print is a checksum of a name and a value; a write made a change where all that it set
is in the new image, and some of it was not in the old one.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Mapping

_SET: Final = re.compile(
    r"(?<![\w.\]])(#?\w+)\s*=\s*(:\w+)\s*(?=,|$|\s+(?:REMOVE|ADD|DELETE|SET)\b)", re.IGNORECASE
)
_CLAUSE: Final = re.compile(r"\bSET\b(.*?)(?=\b(?:REMOVE|ADD|DELETE)\b|$)", re.IGNORECASE | re.DOTALL)


def prints_of(image: Mapping[str, Any]) -> str:
    """Print each attribute of an item in DynamoDB's JSON."""
    return " ".join(sorted(_print(name, value) for name, value in image.items()))


def prints_of_change(change: Mapping[str, Any]) -> str:
    """Print the attributes of a change's new image; ``+`` marks those that are other than in the old one."""
    before = set(prints_of(change.get("OldImage") or {}).split())
    now = prints_of(change.get("NewImage") or {}).split()
    return " ".join(each if each in before else f"+{each}" for each in now)


def prints_set(call: Mapping[str, Any]) -> str:
    """Print what an ``UpdateItem`` simply sets; what it computes has no print."""
    names = call.get("ExpressionAttributeNames") or {}
    values = call.get("ExpressionAttributeValues") or {}
    clauses = " , ".join(_CLAUSE.findall(call.get("UpdateExpression") or ""))
    found = {names.get(name, name): values[value] for name, value in _SET.findall(clauses) if value in values}
    return prints_of(found)


def _print(name: str, value: Any) -> str:
    return f"{crc32(f'{name}={json.dumps(_canonical(value), sort_keys=True)}'.encode()):08x}"


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
