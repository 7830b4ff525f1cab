"""Workers behind the stage's APIs, in tests: each does what the test says, and remembers the events."""

from __future__ import annotations

import http.client
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from worker_runtime.local.stage.apis.api_server import ApiServer
from worker_runtime.local.stage.execution.answers import Answer, Failure, FunctionError, Reply
from worker_runtime.local.stage.execution.invocations import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.apis.api_server import Api


class ScriptedCallee:
    """Answers what ``handle`` returns: a reply, or the answer itself; what it raises is a function error."""

    def __init__(self, handle: Callable[[Any], Any] = lambda _: None) -> None:
        self.handle = handle
        self.events: list[Any] = []
        self._lock = threading.Lock()

    def ask(self, event: bytes, *, request_id: str) -> Report | None:
        """Answer, and remember the event."""
        read = json.loads(event)
        with self._lock:
            self.events.append(read)
        return Report(request_id=request_id, answer=self._answer(read))

    def _answer(self, event: Any) -> Answer:
        try:
            answer = self.handle(event)
        except Exception as error:
            return FunctionError(error_type=type(error).__name__, message=str(error))
        return answer if isinstance(answer, Reply | Failure) else Reply(json.dumps(answer).encode())


class GoneCallee:
    """A worker whose stage is being taken down."""

    def ask(self, event: bytes, *, request_id: str) -> Report | None:  # noqa: ARG002 - nobody is there
        """Say nothing."""
        return None


@dataclass(frozen=True)
class Told:
    """What a caller got."""

    status: int
    lines: Sequence[tuple[str, str]]
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """Decode the body."""
        return json.loads(self.body)


def served(api: Api, *, clock: Clock) -> ApiServer:
    """Serve an API on a free port."""
    return ApiServer(api, clock=clock, request_ids=lambda: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef")


def call(
    url: str,
    target: str = "/",
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Sequence[tuple[str, str]] = (),
) -> Told:
    """Send a request exactly so, and read the answer."""
    connection = http.client.HTTPConnection(url.removeprefix("http://").partition("/")[0], timeout=30)
    try:
        connection.putrequest(method, target)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        lines = answer.getheaders()
        return Told(answer.status, lines, answer.read(), {name.lower(): value for name, value in lines})
    finally:
        connection.close()
