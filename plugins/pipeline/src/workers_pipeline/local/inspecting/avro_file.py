"""One Avro file of any schema and codec: its head, and its rows as far as they are whole."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import fastavro
from fastavro.read import MAGIC

from worker_runtime.local.commands.reporting import counted
from workers_pipeline.local.stored.unreadable import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Row = dict[str, Any]

VALUE: Final = "value"
"""The only column of rows that are no records."""

_LIBRARIES: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "zstandard": (("compression.zstd", "backports.zstd"), "'workers-pipeline[zstd]'"),
    "snappy": (("cramjam", "snappy"), "cramjam"),
    "lz4": (("lz4",), "lz4"),
}
"""What reads a codec, where Python alone does not, and what to install."""

_WEIGHTLESS: Final = 100_000  # rows that one block may have without as many bytes


class AvroFile:
    """A file whose head was read, and its ``size`` in bytes; Unreadable where it has none."""

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0, os.SEEK_END)
        self.size = file.tell()
        file.seek(0)
        if not self.size:
            raise Unreadable("is empty")
        if file.read(len(MAGIC)) != MAGIC:
            raise Unreadable("is not an Avro file")
        file.seek(0)
        try:
            self._reader = fastavro.block_reader(cast("BinaryIO", _Bounded(file, self.size)))
            self.codec = str(self._reader.metadata.get("avro.codec", "null"))
            self.schema: Any = json.loads(self._reader.metadata["avro.schema"])
        except Exception as error:
            raise Unreadable(f"has a damaged head ({_said(error)})") from error
        self._end = file.tell()

    def rows(self) -> Iterator[Row]:
        """Read the rows of one block after the other; Unreadable behind the last block that is whole."""
        self._need_codec()
        blocks, read = iter(self._reader), 0
        while True:
            try:
                block = next(blocks, None)
                rows = [] if block is None else _whole(block)
            except Exception as error:
                raise _cut(read, _said(error)) from error
            if block is None:
                break
            self._end = block.offset + block.size
            read += len(rows)
            yield from rows
        if self._end != self.size:
            raise _cut(read, "the file ends within a block")

    def _need_codec(self) -> None:
        modules, cure = _LIBRARIES.get(self.codec, ((), ""))
        if modules and not any(map(_is_there, modules)):
            raise Unreadable(f"is compressed with {self.codec}; pip install {cure}")


class _Bounded:
    """A file that is never asked for more than it has, whatever length a damaged one names."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes, or as many as there are."""
        left = self._size - self._file.tell()
        return self._file.read(left if size < 0 else min(size, left))

    def tell(self) -> int:
        """Return how many bytes stand before."""
        return self._file.tell()


def _whole(block: Any) -> list[Row]:
    """Read a block's rows; ValueError where its bytes are not theirs alone."""
    size = block.bytes_.getbuffer().nbytes
    if block.num_records < 0 or block.num_records > size + _WEIGHTLESS:
        raise ValueError(f"{block.num_records} rows in {size} bytes")
    rows = [row if isinstance(row, dict) else {VALUE: row} for row in block]
    if block.bytes_.tell() != size:
        raise ValueError("bytes left over")
    return rows


def _cut(read: int, why: str) -> Unreadable:
    behind = f"behind {counted(read, 'row')}, which count" if read else "before its first row ends"
    return Unreadable(f"is cut off or damaged {behind} ({why})")


def _said(error: Exception) -> str:
    return " ".join(f"{type(error).__name__} {error}".split())


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False
