"""HTTP/1.1 messages as bytes on a connection, read whole and passed on as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Mapping

_BODILESS = {204, 304}
_HEADER_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class WireMessage:
    """A request or response: its head (start line to empty line) and its body, chunk sizes included."""

    head: bytes
    body: bytes

    @property
    def start(self) -> list[str]:
        """The three parts of the start line: method, target, version; or version, status, reason."""
        return self.head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection may carry another message."""
        return headers_of(self.head).get("connection", "").lower() != "close"

    def with_body(self, body: bytes) -> WireMessage:
        """Replace a body that is not chunked."""
        lines = self.head.split(b"\r\n")
        lines = [line for line in lines[:-2] if not line.lower().startswith(b"content-length:")]
        lines += [b"Content-Length: %d" % len(body), b"", b""]
        return WireMessage(b"\r\n".join(lines), body)


def headers_of(head: bytes) -> Mapping[str, str]:
    """Read the headers of a head; names are in lower case."""
    headers = {}
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return headers


def read_head(reader: BinaryIO) -> bytes:
    """Read up to the empty line; empty where the other side hung up before it was whole."""
    lines = []
    size = 0
    while size < _HEADER_BYTES:
        line = reader.readline(_HEADER_BYTES)
        if not line:
            return b""
        lines.append(line)
        size += len(line)
        if line == b"\r\n":
            return b"".join(lines)
    return b""


def read_request_body(reader: BinaryIO, head: bytes) -> bytes:
    """Read the body of a request whose head was read."""
    return _read_body(reader, headers_of(head))


def read_response(reader: BinaryIO, *, method: str) -> WireMessage | None:
    """Read the response to a request; None where the server hung up before it began."""
    while head := read_head(reader):
        status = int(head.split(b" ", 2)[1])
        if status >= 200:  # noqa: PLR2004 - below it are interim answers: 100 Continue
            break
    if not head:
        return None
    if method == "HEAD" or status in _BODILESS:
        return WireMessage(head, b"")
    headers = headers_of(head)
    if "content-length" not in headers and "transfer-encoding" not in headers:
        return WireMessage(head, reader.read())
    return WireMessage(head, _read_body(reader, headers))


def _read_body(reader: BinaryIO, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _read_chunks(reader)
    return _read_whole(reader, int(headers.get("content-length", 0)))


def _read_whole(reader: BinaryIO, size: int) -> bytes:
    """Read ``size`` bytes; half a message passed on would leave the other side waiting for the rest."""
    read = reader.read(size)
    if len(read) < size:
        raise ConnectionResetError("the other side hung up in the middle of a message")
    return read


def _read_chunks(reader: BinaryIO) -> bytes:
    parts = []
    while True:
        size_line = reader.readline()
        if not size_line:
            raise ConnectionResetError("the other side hung up in the middle of a message")
        parts.append(size_line)
        size = int(size_line.partition(b";")[0], 16)
        if size == 0:
            break
        parts.append(_read_whole(reader, size + 2))
    while (trailer := reader.readline()) not in {b"\r\n", b""}:
        parts.append(trailer)
    return b"".join([*parts, b"\r\n"])
