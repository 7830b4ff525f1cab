"""Rows to Avro: an encoder made from a schema once, and fastavro for what that does not know.

Avro is bytes, and a row is mostly text: so it is put together as text whose characters are bytes (Latin-1),
by one f-string a row, which is the quickest that Python has. Text that is not ASCII becomes its UTF-8 first.
"""

from __future__ import annotations

import re
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    EncodeRow = Callable[[tuple[Any, ...]], str]

_SOURCE: Final = """
def encode(row):
    {names} = row
    return f"{pieces}"
"""
_UTF8: Final = "len(u := v if v.isascii() else utf8(v))"
_PIECES: Final[Mapping[str, str]] = {
    "string": f"{{size[{_UTF8}]}}{{u}}",
    "['null', 'string']": f"{{nothing if v is None else size_or[{_UTF8}] + u}}",
    "long": "{long[v]}",
    "['null', 'long']": "{long_or[v]}",
    "boolean": "{flag[v]}",
    "['null', 'boolean']": "{flag_or[v]}",
}
"""How a field of a type is written, ``v`` its value; a union's branch stands before it, null is the first."""
_ASCII: Final[Mapping[str, str]] = {
    **_PIECES,
    "string": "{length[len(v)]}{v}",
    "['null', 'string']": "{nothing if v is None else length_or[len(v)]}{v or ''}",
    "long": "{low[v << 1 & 127] + low[v >> 6 & 127] + high(v >> 13) if v > 8191 else long[v]}",
}
"""The same, in half of the time, where all texts are ASCII and none is longer than ``ASCII_MAX``."""

_KNOWN: Final = 1024  # numbers and lengths that are not worked out each time
_MORE: Final = 0x80  # seven bits a byte, and this where another one follows

ASCII_MAX: Final = _KNOWN - 1
"""The longest text that the pieces of ``ascii_pieces`` take."""


def row_encoder(schema: Mapping[str, Any]) -> EncodeRow:
    """Compose the encoder of a record's rows: a tuple of its values in, text whose characters are bytes out.

    Where a value is of another type than its field, it raises TypeError, AttributeError, KeyError or
    ValueError.
    """
    types = [str(field["type"]) for field in schema["fields"]]
    if not _PIECES.keys() >= {*types}:
        return fastavro_encoder(schema)
    source = _SOURCE.format(
        names="".join(f"v{at}, " for at in range(len(types))), pieces=_numbered(_PIECES, types)
    )
    exec(source, names := {**ENCODER_NAMES})  # noqa: S102 - of the pieces above alone
    return names["encode"]  # type: ignore[no-any-return]  # made by the line above


def ascii_pieces(schema: Mapping[str, Any]) -> str | None:
    """Write the inside of an f-string that encodes a row whose texts are ASCII, its values ``v0``, ``v1``...

    It calls what ``ENCODER_NAMES`` holds. None where a field's type is one that only fastavro knows.
    """
    types = [str(field["type"]) for field in schema["fields"]]
    return _numbered(_ASCII, types) if _ASCII.keys() >= {*types} else None


def fastavro_encoder(schema: Mapping[str, Any]) -> EncodeRow:
    """Compose the encoder of rows of any schema: the reference, several times as slow."""
    import fastavro  # noqa: PLC0415 - none of our schemas needs it

    parsed = fastavro.parse_schema(dict(schema))
    fields = [field["name"] for field in schema["fields"]]

    def encode(row: tuple[Any, ...]) -> str:
        written = BytesIO()
        fastavro.schemaless_writer(written, parsed, dict(zip(fields, row, strict=True)), strict=True)
        return written.getvalue().decode("latin-1")

    return encode


def _numbered(pieces: Mapping[str, str], types: Sequence[str]) -> str:
    """Join the fields' pieces; each value and its UTF-8 have names of their own."""
    return "".join(re.sub(r"\b([uv])\b", rf"\g<1>{at}", pieces[kind]) for at, kind in enumerate(types))


class _Longs(dict[int | None, str]):
    """Longs as Avro words them, behind a ``mark``; those that come often are known."""

    def __init__(self, mark: str = "", *, null: str | None = None) -> None:
        super().__init__({number: mark + _long(number) for number in range(_KNOWN)})
        if null is not None:
            self[None] = null
        self._mark = mark

    def __missing__(self, number: int) -> str:
        return self._mark + _long(number)


def _utf8(text: str) -> str:
    return text if text.isascii() else text.encode().decode("latin-1")


def _long(number: int) -> str:
    """Word a long: the sign last, seven bits a byte, the lowest first."""
    zigzag = (number << 1) ^ (number >> 63)
    if zigzag >> 14:
        return chr(zigzag & 0x7F | _MORE) + chr(zigzag >> 7 & 0x7F | _MORE) + _high(zigzag >> 14)
    return _high(zigzag)


@lru_cache(_KNOWN)
def _high(bits: int) -> str:
    """Word the bits behind the lowest, which the times of one batch share."""
    worded = ""
    while bits >= _MORE:
        worded += chr(bits & 0x7F | _MORE)
        bits >>= 7
    return worded + chr(bits)


ENCODER_NAMES: Final[Mapping[str, Any]] = {
    "utf8": _utf8,
    "nothing": "\x00",
    "size": _Longs(),
    "size_or": _Longs("\x02"),
    "length": [_long(size) for size in range(_KNOWN)],
    "length_or": ["\x02" + _long(size) for size in range(_KNOWN)],
    "long": _Longs(),
    "long_or": _Longs("\x02", null="\x00"),
    "low": [chr(bits | _MORE) for bits in range(_MORE)],
    "high": _high,
    "flag": {False: "\x00", True: "\x01"},
    "flag_or": {None: "\x00", False: "\x02\x00", True: "\x02\x01"},
}
"""What the source of an encoder calls by name."""
