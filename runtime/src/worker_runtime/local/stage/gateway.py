"""The AWS endpoint that workers see: the emulator's, but SQS keeps the stage's time, and it may fail.

All is passed on byte for byte, except what ``answer`` takes for itself or words anew, and what an
outage swallows. Connections are kept alive on both sides.
"""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from worker_runtime.local.stage.parts.http_wire import (
    WireMessage,
    headers_of,
    read_head,
    read_request_body,
    read_response,
)
from worker_runtime.local.stage.parts.part import Part, PartBroken
from worker_runtime.local.stage.parts.ports import LOOPBACK
from worker_runtime.local.stage.parts.tcp_server import TcpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, Self

UNAVAILABLE = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAnswer:
    """What an AWS service with a JSON protocol answers."""

    status: int = 200
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def error(cls, code: str, message: str, *, status: int = 400) -> ApiAnswer:
        """Refuse a call under an error code."""
        fault = "Sender" if status < 500 else "Receiver"  # noqa: PLR2004 - HTTP's servers' errors
        body = {"__type": code, "message": message}
        return cls(status=status, body=body, headers={"x-amzn-query-error": f"{code};{fault}"})


@dataclass(frozen=True, slots=True)
class Passed:
    """A call that is passed on with another body; ``reword`` adds to a good answer's."""

    body: bytes
    reword: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None


class Calls(Protocol):
    """Answers some AWS calls in the emulator's place, or has a hand in them."""

    def __call__(self, target: str, body: bytes) -> ApiAnswer | Passed | None:
        """Answer the call ``target`` (``AmazonSQS.SendMessage``), change it, or (None) let it pass."""


class RestCalls(Protocol):
    """Answers calls of services that are asked by URL, in the emulator's place."""

    def __call__(self, message: WireMessage) -> bytes | None:
        """Answer a request with a whole response; None lets it pass."""


def first_of(*calls: Calls) -> Calls:
    """Ask one after the other, until one has something to say."""

    def ask(target: str, body: bytes) -> ApiAnswer | Passed | None:
        answers = (each(target, body) for each in calls)
        return next((answer for answer in answers if answer is not None), None)

    return ask


def first_response_of(*calls: RestCalls) -> RestCalls:
    """Ask one after the other, until one answers."""

    def ask(message: WireMessage) -> bytes | None:
        answers = (each(message) for each in calls)
        return next((answer for answer in answers if answer is not None), None)

    return ask


class Gateway(Part):
    """Serves on a loopback port what ``upstream`` (a URL) serves."""

    def __init__(  # noqa: PLR0913 - who answers, who listens, by whose time
        self,
        upstream: str,
        *,
        answer: Calls,
        called: Callable[[], None],
        rest: RestCalls = lambda message: None,  # noqa: ARG005 - all of them pass
        port: int = 0,
        seen: Callable[[WireMessage, bytes], None] = lambda request, answer: None,  # noqa: ARG005
    ) -> None:
        """Prepare; ``called`` is told of each call, right before its answer leaves.

        ``seen`` is shown each call and its answer before the caller is.
        """
        url = urlsplit(upstream)
        if url.scheme != "http":
            raise PartBroken(
                f"the stage reaches AWS by plain HTTP, not at {upstream}; name an emulator's URL."
            )
        self._upstream = (url.hostname or LOOPBACK, url.port or 80)
        self._answer = answer
        self._rest = rest
        self._called = called
        self._seen = seen
        self._server = TcpServer(self._serve, port=port)
        self._lock = threading.Lock()
        self._failing = 0
        self._failure = ApiAnswer()
        self._slow = 0
        self._wait: Callable[[], None] = _go_on
        self._refusing = 0

    @property
    def url(self) -> str:
        """The endpoint to give to AWS clients."""
        return f"http://{LOOPBACK}:{self._server.port}"

    def start(self) -> Self:
        """Listen on a free loopback port."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Hang up on everybody."""
        self._server.stop()

    @classmethod
    def front(cls, upstream: str, *, rest: RestCalls, port: int) -> Gateway:
        """Make one for people: their calls pass as they are, and cause no accidents."""
        return cls(upstream, answer=lambda target, body: None, called=lambda: None, rest=rest, port=port)  # noqa: ARG005 - all of them pass

    def fail_next(self, n: int, *, code: str = "ServiceUnavailable", status: int = UNAVAILABLE) -> None:
        """Answer the next ``n`` calls with an error instead of what they ask for."""
        with self._lock:
            self._failing += n
            self._failure = ApiAnswer.error(code, "staged outage", status=status)

    def slow_next(self, n: int, *, wait: Callable[[], None]) -> None:
        """Let the next ``n`` calls ``wait`` before they are passed on."""
        with self._lock:
            self._slow += n
            self._wait = wait

    def hang_up(self, n: int) -> None:
        """Hang up on everybody, and on the next ``n`` who connect."""
        with self._lock:
            self._refusing += n
        self._server.hang_up()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            refused, self._refusing = self._refusing > 0, max(self._refusing - 1, 0)
        if refused:
            return
        upstream = _Upstream(self._upstream)
        try:
            with connection.makefile("rb") as reader:
                for request in _requests(reader, connection):
                    answer = self._respond(request, upstream)
                    self._seen(request, answer)
                    self._called()
                    connection.sendall(answer)
                    if not request.keeps_alive:
                        return
        finally:
            upstream.close()

    def _respond(self, request: WireMessage, upstream: _Upstream) -> bytes:
        with self._lock:
            fails, self._failing = self._failing > 0, max(self._failing - 1, 0)
            failure, wait = self._failure, self._wait if self._slow > 0 else _go_on
            self._slow = max(self._slow - 1, 0)
        wait()
        if fails:
            return _worded(failure)
        if (told := self._rest(request)) is not None:
            return told
        target = headers_of(request.head).get("x-amz-target")
        answer = None if target is None else self._answer(target, request.body)
        if isinstance(answer, ApiAnswer):
            return _worded(answer)
        response = upstream.exchange(request if answer is None else request.with_body(answer.body))
        if answer is not None and answer.reword is not None and response.start[1] == "200":
            return _worded(ApiAnswer(body=answer.reword(json.loads(response.body))))
        return response.head + response.body


class _Upstream:
    """One kept connection to the emulator, for one client's connection."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._socket: socket.socket | None = None

    def exchange(self, request: WireMessage) -> WireMessage:
        """Pass a request on; again where the kept connection turns out to be closed."""
        method = request.start[0]
        if self._socket is not None:
            with suppress(OSError):
                if (response := self._send(self._socket, request, method)) is not None:
                    return response
            self.close()
        self._socket = socket.create_connection(self._address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")
        response = self._send(self._socket, request, method)
        if response is None:
            raise ConnectionResetError("the emulator hung up")
        return response

    def close(self) -> None:
        if self._socket is not None:
            self._reader.close()
            self._socket.close()
            self._socket = None

    def _send(self, connection: socket.socket, request: WireMessage, method: str) -> WireMessage | None:
        connection.sendall(request.head + request.body)
        response = read_response(self._reader, method=method)
        if response is not None and not response.keeps_alive:
            self.close()
        return response


def _go_on() -> None:
    """Do not wait."""


def _requests(reader: BinaryIO, connection: socket.socket) -> Iterator[WireMessage]:
    while head := read_head(reader):
        if (
            headers_of(head).get("expect", "").lower() == "100-continue"
        ):  # botocore sends it before S3's bodies
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        yield WireMessage(head, read_request_body(reader, head))


def _worded(answer: ApiAnswer) -> bytes:
    body = json.dumps(answer.body, separators=(",", ":")).encode()
    lines = [
        f"HTTP/1.1 {answer.status} -",
        "Content-Type: application/x-amz-json-1.0",
        f"x-amzn-RequestId: {uuid4()}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
