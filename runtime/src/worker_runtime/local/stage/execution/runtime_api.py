"""Lambda's Runtime API for one worker process, as awslambdaric speaks it.

The process asks for its next event and waits; the stage hands one over; the process posts a reply
or an error. Wording and status codes are those of AWS's own emulator
(aws-lambda-runtime-interface-emulator, ``rapi/rendering``). Deadlines are wall time, also on a
stage that runs faster: awslambdaric computes the remaining time from ``time.time()``.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING

from worker_runtime.local.stage.execution.answers import MAX_REPLY_BYTES
from worker_runtime.local.stage.parts.http_server import HttpServer, Request, Response
from worker_runtime.local.stage.parts.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from worker_runtime.local.stage.execution.invocations import Invocation

_ROOT = "/2018-06-01/runtime"
_ACCEPTED = Response.json({"status": "OK"}, status=202)
_UNKNOWN_REQUEST = Response.json(
    {"errorMessage": "Invalid request ID", "errorType": "InvalidRequestID"}, status=400
)
_TOO_LARGE = Response.json(
    {
        "errorMessage": f"Exceeded maximum allowed payload size ({MAX_REPLY_BYTES} bytes).",
        "errorType": "RequestEntityTooLarge",
    },
    status=413,
)
_NOT_FOUND = Response.json({"errorMessage": "Not found", "errorType": "NotFound"}, status=404)


@dataclass(frozen=True, slots=True)
class Ready:
    """The process asks for its first event: INIT is over."""


@dataclass(frozen=True, slots=True)
class InitError:
    """INIT failed; ``body`` says why, as JSON."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Returned:
    """The handler returned ``body``."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Raised:
    """The handler raised; ``body`` says what, as JSON."""

    body: bytes


@dataclass(frozen=True, slots=True)
class ReplyTooLarge:
    """The handler returned more than Lambda carries, and was told so."""


Post = Ready | InitError | Returned | Raised | ReplyTooLarge


class RuntimeApi(Part):
    """Hands events to one process and passes on what it posts.

    ``on_post`` is called before the process is answered: it waits meanwhile, so all that it
    printed before its post can be read.
    """

    def __init__(self, on_post: Callable[[Post], None]) -> None:
        self._on_post = on_post
        self._server = HttpServer(self._answer)
        self._offers: SimpleQueue[Invocation | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._current: Invocation | None = None
        self._started = False
        self._ready = False

    @property
    def address(self) -> str:
        """The value for AWS_LAMBDA_RUNTIME_API."""
        return self._server.address

    def start(self) -> Self:
        """Listen on a free loopback port."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Hang up; awslambdaric then ends by itself."""
        self._offers.put(None)
        self._server.stop()

    def hand_over(self, invocation: Invocation) -> None:
        """Give the process its next event, as soon as it asks."""
        with self._lock:
            self._current = invocation
            self._started = False
        self._offers.put(invocation)

    def withdraw(self) -> bool:
        """Refuse whatever the process may still post of its event; False where it posted already."""
        with self._lock:
            unanswered = self._current is not None
            self._current = None
        return unanswered

    def was_started(self) -> bool:
        """Whether the process has fetched the event that was handed over last."""
        with self._lock:
            return self._started

    def _answer(self, request: Request) -> Response | None:
        match request.path.removeprefix(_ROOT).strip("/").split("/"):
            case ["invocation", "next"] if request.method == "GET":
                return self._next()
            case ["invocation", request_id, "response"] if request.method == "POST":
                return self._posted(request_id, _returned(request.body))
            case ["invocation", request_id, "error"] if request.method == "POST":
                return self._posted(request_id, Raised(request.body))
            case ["init", "error"] if request.method == "POST":
                self._on_post(InitError(request.body))
                return _ACCEPTED
        return _NOT_FOUND

    def _next(self) -> Response | None:
        if not self._ready:
            self._ready = True
            self._on_post(Ready())
        invocation = self._offers.get()
        if invocation is None:
            return None
        with self._lock:
            self._started = True
        return Response(headers=_headers(invocation), body=invocation.payload)

    def _posted(self, request_id: str, post: Post) -> Response:
        with self._lock:
            if self._current is None or self._current.request_id != request_id:
                return _UNKNOWN_REQUEST
            self._current = None
        self._on_post(post)
        return _TOO_LARGE if isinstance(post, ReplyTooLarge) else _ACCEPTED


def _returned(body: bytes) -> Post:
    return Returned(body) if len(body) <= MAX_REPLY_BYTES else ReplyTooLarge()


def _headers(invocation: Invocation) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
        "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
        "Lambda-Runtime-Trace-Id": invocation.trace_id,
    }
