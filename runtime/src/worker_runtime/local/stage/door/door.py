"""Answers whoever invokes a worker's function by name: reads the call, asks the worker, words the answer."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import unquote
from uuid import uuid4

from worker_runtime.local.stage.door import invoke_api
from worker_runtime.local.stage.door.function_names import LATEST, function_named
from worker_runtime.local.stage.parts.http_server import HttpServer, Response
from worker_runtime.local.stage.parts.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from worker_runtime.local.stage.door.function_names import FunctionName
    from worker_runtime.local.stage.execution.invocations import Report
    from worker_runtime.local.stage.parts.http_server import Request

API: Final = "/2015-03-31/functions/"


class Callee(Protocol):
    """Whoever the door is opened for; for many threads."""

    def ask(self, event: bytes, *, request_id: str) -> Report | None:
        """Run it on an event (JSON) and wait for its end; None while the stage is taken down."""

    def queue(self, event: Any) -> None:
        """See an event through later, with Lambda's retries."""


@dataclass(frozen=True, slots=True)
class _Function:
    arn: str
    callee: Callee


class Door(Part):
    """Serves Lambda's Invoke API on a loopback port; ``answer`` serves it to other servers of the stage."""

    def __init__(self, *, request_ids: Callable[[], str] = lambda: str(uuid4())) -> None:
        self._server = HttpServer(self._serve)
        self._request_ids = request_ids
        self._functions: dict[str, _Function] = {}
        self._lock = threading.Lock()
        self._waiting = 0

    @property
    def url(self) -> str:
        """The endpoint to give to a Lambda client."""
        return f"http://{self._server.address}"

    def start(self) -> Self:
        """Listen on a free loopback port; who is not admitted yet is not found."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Hang up on everybody."""
        self._server.stop()

    def admit(self, name: str, *, arn: str, callee: Callee) -> None:
        """Let ``callee`` be invoked by a function's name."""
        with self._lock:
            self._functions[name] = _Function(arn, callee)

    def busy(self) -> bool:
        """Whether somebody waits for an answer."""
        with self._lock:
            return self._waiting > 0

    def answer(self, request: Request) -> Response | None:
        """Answer a call of the Invoke API; None where it is another call, or no worker's function."""
        called = _called(request)
        with self._lock:
            function = None if called is None else self._functions.get(called.name)
            if called is None or function is None:
                return None
            self._waiting += 1
        try:
            return self._answer(request, called, function)
        finally:
            with self._lock:
                self._waiting -= 1

    def _serve(self, request: Request) -> Response:
        return self.answer(request) or invoke_api.not_found(request.path)

    def _answer(self, request: Request, called: FunctionName, function: _Function) -> Response:
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        if (refusal := _refusal(request, called, function, kind=kind)) is not None:
            return refusal
        event, request_id = request.body or b"{}", self._request_ids()
        match kind:
            case "DryRun":
                return invoke_api.allowed(request_id)
            case "Event":
                function.callee.queue(json.loads(event))
                return invoke_api.queued(request_id)
        report = function.callee.ask(event, request_id=request_id)
        if report is None:
            return invoke_api.going_down()
        return invoke_api.answered(report, with_log=request.headers.get("x-amz-log-type") == "Tail")


def _called(request: Request) -> FunctionName | None:
    """Tell which function a request invokes; None where it is another call."""
    rest = request.path.removeprefix(API)
    if request.method != "POST" or rest == request.path or not rest.endswith("/invocations"):
        return None
    return function_named(unquote(rest.removesuffix("/invocations")))


def _refusal(request: Request, called: FunctionName, function: _Function, *, kind: str) -> Response | None:
    """Refuse a call that Lambda refuses, for the first reason that it finds."""
    if kind not in invoke_api.PAYLOAD_BYTES:
        return invoke_api.bad_type(kind)
    qualifier = request.query.get("Qualifier") or called.qualifier or LATEST
    if qualifier != LATEST:
        return invoke_api.not_found(f"{function.arn}:{qualifier}")
    if len(request.body) > invoke_api.PAYLOAD_BYTES[kind]:
        return invoke_api.too_large(len(request.body), invocation_type=kind)
    try:
        json.loads(request.body or b"{}")
    except ValueError as error:
        return invoke_api.no_json(error)
    return None
