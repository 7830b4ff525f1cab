"""What no column takes, as one JSON object."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from msgspec import Raw
from msgspec.json import Decoder, Encoder

from worker_runtime import personal, redact_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from workers_pipeline.typed_images import Image

_NAMES: Final = 4096  # of attributes, remembered; there are few dozens, unless somebody makes them up
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_SMALL: Final = {str(number): number for number in range(1000)}
_encode: Final = Encoder(order="deterministic").encode
_parts: Final = {
    b"{": Decoder(dict[str, Raw]).decode,
    b"[": Decoder(list[Raw]).decode,
    b'"': Decoder(str).decode,
}


class _Personal(dict[str, bool]):
    """Whether what stands under a name is personal, known for the names that come."""

    def __missing__(self, name: str) -> bool:
        is_personal = personal(name)
        if len(self) < _NAMES:
            self[name] = is_personal
        return is_personal


is_personal: Final = _Personal()


def extra_json(image: Image) -> str | None:
    """Word attributes as JSON, sorted by name, numbers with all of their digits; None where none is left.

    What is personal by its name is left out, and so is binary data, which nobody can look into. Raises
    ValueError where a value is none of DynamoDB's.
    """
    return worded(plain_map(image))


def worded(extras: Mapping[str, Any]) -> str | None:
    """Word plain values as JSON, sorted by name; None where there are none."""
    return _encode(extras).decode() if extras else None


def masked_json(text: str) -> str:
    """Mask what looks personal inside a JSON text's texts and names, as logs do; all else stays as it is."""
    return _encode(_masked(Raw(text.encode()))).decode()


def plain_map(image: Mapping[str, Any]) -> dict[str, Any]:
    """Make plain values of typed ones, but of what is personal by its name, and of binary data."""
    plain: dict[str, Any] = {}
    for name, value in image.items():
        if is_personal[name]:
            continue
        (kind,) = value
        held = value[kind]
        if kind == "S":
            plain[name] = held
        elif kind in _READERS:
            plain[name] = _READERS[kind](held)
    return plain


def _list(values: Iterable[Any]) -> list[Any]:
    plain = []
    for value in values:
        (kind,) = value
        if kind in _READERS:
            plain.append(_READERS[kind](value[kind]))
    return plain


def plain_number(digits: str) -> int | Raw:
    """Take a number as it is written: JSON has no limits that DynamoDB has not."""
    if digits in _SMALL:
        return _SMALL[digits]
    if not _NUMBER.fullmatch(digits):
        raise ValueError("N takes a decimal number")
    return Raw(digits.encode())


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "S": lambda text: text,
    "N": plain_number,
    "BOOL": lambda flag: flag,
    "NULL": lambda _null: None,
    "M": plain_map,
    "L": _list,
    "SS": sorted,
    "NS": lambda numbers: [plain_number(digits) for digits in sorted(numbers)],
}
"""By type; ``B`` and ``BS`` are left out."""


def _masked(value: Raw) -> Any:
    read = _parts.get(bytes(memoryview(value)[:1]))
    match value if read is None else read(value):
        case str() as text:
            return redact_text(text)
        case dict() as parts:
            return {redact_text(name): _masked(each) for name, each in parts.items()}
        case list() as parts:
            return [_masked(each) for each in parts]
        case _:
            return value
