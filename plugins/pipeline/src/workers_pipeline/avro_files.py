"""Rows to a file that any Avro reader reads: a head that says the schema, and one block of rows."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

from workers_pipeline.codecs import compressor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workers_pipeline.codecs import Codec

_MAGIC: Final = b"Obj\x01"
_SYNC_BYTES: Final = 16


class AvroFiles:
    """Writes files of a codec; the same rows under the same name are the same file, byte for byte."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._compress = compressor(codec)

    def written(self, rows: Sequence[str], *, schema: Mapping[str, Any], name: str) -> bytes:
        """Write encoded rows (of ``row_encoder``) as a file; its sync marker is made of its ``name``."""
        sync = sha256(name.encode()).digest()[:_SYNC_BYTES]
        block = self._compress("".join(rows).encode("latin-1"))
        return b"".join((self._head(schema), sync, _long(len(rows)), _sized(block), sync))

    def _head(self, schema: Mapping[str, Any]) -> bytes:
        about = {"avro.codec": self._codec.encode(), "avro.schema": msgspec.json.encode(schema)}
        pairs = (_sized(name.encode()) + _sized(value) for name, value in about.items())
        return b"".join((_MAGIC, _long(len(about)), *pairs, b"\x00"))


def _sized(data: bytes) -> bytes:
    return _long(len(data)) + data


def _long(number: int) -> bytes:
    """Write a long that is not negative as Avro does."""
    bits, written = number << 1, bytearray()
    while bits >= 0x80:  # noqa: PLR2004 - another byte follows
        written.append(bits & 0x7F | 0x80)
        bits >>= 7
    written.append(bits)
    return bytes(written)
