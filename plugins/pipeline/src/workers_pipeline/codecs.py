"""How a file's rows are compressed: as Avro names it, and what does it."""

from __future__ import annotations

import sys
import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal

from worker_runtime import Halt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Codec = Literal["deflate", "zstandard"]

ZSTD_LEVEL: Final = 1
"""Of rows it makes what is a twentieth smaller than the usual 3 does, in half of the time."""
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
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"  # an extra until then
    try:
        compressor: Any = import_module(name).ZstdCompressor
    except ImportError as error:
        raise Halt("delivery.codec is zstandard; install workers-pipeline[zstd], or say deflate.") from error
    compress, whole = compressor(ZSTD_LEVEL).compress, compressor.FLUSH_FRAME
    return lambda data: compress(data, whole)


_COMPRESSORS: Final[Mapping[Codec, Callable[[], Callable[[bytes], bytes]]]] = {
    "deflate": _deflate,
    "zstandard": _zstandard,
}
