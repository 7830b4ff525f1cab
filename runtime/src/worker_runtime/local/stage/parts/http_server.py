"""A small HTTP/1.1 server on loopback, under the Runtime API and the stand-ins.

Not the standard library's: that one costs 44 ms a request (Nagle's delay, several writes a
reply) and refuses header lines over 64 KiB, where awslambdaric sends up to 1 MiB. Connections
are kept alive, each has a thread.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence  # noqa: TC003 - msgspec reads annotations of what is remembered
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import parse_qsl, unquote, urlsplit

from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.parts.ports import LOOPBACK
from worker_runtime.local.stage.parts.tcp_server import TcpServer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Self

    Handle = Callable[["Request"], "Response | None"]

_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asks; header names are in lower case, ``path`` is without the query.

    ``target`` and ``lines`` are path with query and headers as they were sent.
    """

    method: str
    path: str
    target: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    params: Mapping[str, str] = field(default_factory=dict)  # what a route's ``{name}`` stands for

    def json(self) -> Any:
        """Decode the body; None where it is empty."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a client gets; ``lines`` are further headers, whose names may come again."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[tuple[str, str]] = ()
    body: bytes = b""

    @classmethod
    def json(cls, value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """Answer with ``value`` as JSON."""
        body = json.dumps(value, separators=(",", ":")).encode()
        return cls(status=status, headers={"Content-Type": "application/json", **(headers or {})}, body=body)


class HttpServer(Part):
    """Serves ``handle`` on a loopback port until it is stopped.

    ``handle`` is called in the connection's thread; where it returns None the connection is
    closed without an answer.
    """

    def __init__(self, handle: Handle, *, port: int = 0) -> None:
        """Serve on ``port``, or on any free one where it is 0."""
        self.handle = handle
        self._server = TcpServer(self._serve, port=port)

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{LOOPBACK}:{self._server.port}"

    def start(self) -> Self:
        """Listen and serve in the background; after a stop, on the same port again."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Listen no more and hang up on everybody."""
        self._server.stop()

    def _serve(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as reader, connection.makefile("wb") as writer:
            _serve_requests(reader, writer, self.handle)


def _serve_requests(reader: BinaryIO, writer: BinaryIO, handle: Handle) -> None:
    """Answer one client's requests, one after the other, until somebody hangs up."""
    while request := _read_request(reader, writer):
        if (response := handle(request)) is None:
            return
        writer.write(_head(response))
        if request.method != "HEAD":
            writer.write(response.body)
        writer.flush()
        if request.headers.get("connection", "").lower() == "close":
            return


def _read_request(reader: BinaryIO, writer: BinaryIO) -> Request | None:
    match reader.readline().decode("latin-1").split():
        case [method, target, _version]:
            url = urlsplit(target)
        case _:
            return None
    lines = []
    while line := reader.readline().rstrip(b"\r\n"):
        name, _, value = line.decode("latin-1").partition(":")
        lines.append((name, value.strip()))
    headers = {name.lower(): value for name, value in lines}
    if headers.get("expect", "").lower() == "100-continue":  # else curl waits a second before it sends
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        writer.flush()
    return Request(
        method=method,
        path=unquote(url.path),
        target=target,
        query=dict(parse_qsl(url.query, keep_blank_values=True)) if url.query else {},
        headers=headers,
        lines=lines,
        body=_read_body(reader, headers),
    )


def _read_body(reader: BinaryIO, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return reader.read(int(headers.get("content-length", 0)))
    chunks = []
    while size := int(reader.readline().partition(b";")[0], 16):
        chunks.append(reader.read(size))
        reader.readline()
    while reader.readline().strip():
        pass  # trailers
    return b"".join(chunks)


def _head(response: Response) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {_REASONS.get(response.status, '')}"]
    lines += [f"{name}: {value}" for name, value in (*response.headers.items(), *response.lines)]
    lines += [f"Content-Length: {len(response.body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1")
