"""How a file's rows are compressed: as Avro names it, and what does it."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, Literal

from worker_runtime import Halt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Codec = Literal["deflate", "zstandard"]

_RAW: Final = -15  # deflate without a head, as Avro has it


def compressor(codec: Codec) -> Callable[[bytes], bytes]:
    """Return what compresses one block; Halt where its library is not installed."""
    return _COMPRESSORS[codec]()


def _deflate() -> Callable[[bytes], bytes]:
    def compress(data: bytes) -> bytes:
        squeezing = zlib.compressobj(wbits=_RAW)
        return squeezing.compress(data) + squeezing.flush()

    return compress


def _zstandard() -> Callable[[bytes], bytes]:
    try:
        from zstandard import ZstdCompressor  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise Halt("delivery.codec is zstandard; install workers-pipeline[zstd], or say deflate.") from error
    return ZstdCompressor().compress


_COMPRESSORS: Final[Mapping[Codec, Callable[[], Callable[[bytes], bytes]]]] = {
    "deflate": _deflate,
    "zstandard": _zstandard,
}
