"""What no column takes, as one JSON object without personal data."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from msgspec import Raw
from msgspec.json import Encoder

from worker_runtime import may_be_personal, personal, redact_text

if TYPE_CHECKING:
    from workers_pipeline.typed_images import Image, Typed

_NAMES: Final = 4096  # of attributes, remembered; there are few dozens, unless somebody makes them up
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_encode: Final = Encoder(order="deterministic").encode

_is_personal = lru_cache(_NAMES)(personal)


def extra_json(image: Image) -> str:
    """Word attributes as JSON, sorted by name, numbers with all of their digits.

    What is personal by its name is left out, and so is binary data, which nobody can look into; what looks
    personal inside a text is masked as in logs. Raises ValueError where a value is none of DynamoDB's.
    """
    plain = _map(image)
    text = _encode(plain).decode()
    return _encode(_masked(plain)).decode() if may_be_personal(text) else text


def _map(image: Image) -> dict[str, Any]:
    plain = {}
    for name, value in image.items():
        if _is_personal(name):
            continue
        if "S" in value:
            plain[name] = value["S"]
        elif "B" not in value and "BS" not in value:
            plain[name] = _plain(value)
    return plain


def _plain(value: Typed) -> Any:  # noqa: PLR0911 - as many types as DynamoDB has
    match value:
        case {"S": text}:
            return text
        case {"N": digits}:
            return _number(digits)
        case {"BOOL": flag}:
            return flag
        case {"NULL": _}:
            return None
        case {"M": image}:
            return _map(image)
        case {"L": values}:
            return [_plain(each) for each in values if "B" not in each and "BS" not in each]
        case {"SS": texts}:
            return sorted(texts)
        case {"NS": numbers}:
            return [_number(digits) for digits in sorted(numbers)]
        case _:
            raise ValueError(f"a typed value has one of DynamoDB's types, not {sorted(value)}")


def _number(digits: str) -> Raw:
    """Take a number as it is written: JSON has no limits that DynamoDB has not."""
    if not _NUMBER.fullmatch(digits):
        raise ValueError("N takes a decimal number")
    return Raw(digits.encode())


def _masked(value: Any) -> Any:
    match value:
        case str():
            return redact_text(value)
        case dict():
            return {redact_text(name): _masked(each) for name, each in value.items()}
        case list():
            return [_masked(each) for each in value]
        case _:
            return value
