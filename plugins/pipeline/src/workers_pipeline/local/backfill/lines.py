"""The lines of a file one at a time, through gzip, however long file and lines are."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import IO, TYPE_CHECKING, Final, cast

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST: Final = 16 * 1024 * 1024
"""Of a line; Lambda's largest event is 6 MB, and a recording has what became of it in the same line."""

_SHOWN: Final = 1_000  # of one that is too long
_GZIP: Final = b"\x1f\x8b"
_BROKEN: Final = (EOFError, OSError, zlib.error)
_BOM: Final = b"\xef\xbb\xbf"


class Line(Struct, frozen=True):
    """A line that has anything in it; ``code`` is why it cannot be read, ``text`` what is known of it."""

    number: int
    text: bytes
    code: str = ""
    why: str = ""


class Lines:
    """The lines of an open file; ``count`` is how many had anything in them so far, ``broken`` its end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._stream = _unpacked(file)
        self.count = 0
        self.broken = False

    def behind(self, last: int) -> Iterator[Line]:
        """Read the lines behind a line's number; where a compressed file breaks off, that is the last one."""
        number = 0
        while True:
            number += 1
            try:
                line = self._next(number)
            except _BROKEN as error:
                self.broken = True
                if number > last:
                    yield Line(number, b"", "BROKEN_GZIP", f"nothing can be read from here on: {error}")
                return
            if line is None:
                return
            if line.text or line.code:
                self.count += 1
                if number > last:
                    yield line

    def _next(self, number: int) -> Line | None:
        text = self._stream.readline(LONGEST)
        if not text:
            return None
        if len(text) == LONGEST and not text.endswith(b"\n"):
            while (rest := self._stream.readline(LONGEST)) and not rest.endswith(b"\n"):
                pass
            return Line(number, text[:_SHOWN], "TOO_LARGE", f"it is longer than {LONGEST:,} bytes")
        text = (text.removeprefix(_BOM) if number == 1 else text).rstrip(b"\r\n")
        return Line(number, text if text.strip() else b"")


def one_document(file: IO[bytes]) -> Line | None:
    """Read a file that is one JSON document over several lines, as line 1; None where it is no such file."""
    first = next(Lines(file).behind(0), None)
    file.seek(0)
    if first is None or first.code or _is_json(first.text):
        return None
    try:
        whole = _unpacked(file).read(LONGEST + 1)
    except _BROKEN:  # as its lines say too
        whole = b""
    file.seek(0)
    return Line(1, whole.strip()) if len(whole) <= LONGEST and _is_json(whole) else None


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    """Return what reads a file from its beginning, decompressed."""
    packed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file, mode="rb")) if packed else file


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
