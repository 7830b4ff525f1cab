"""Serves one API on a loopback port, and knows how many callers wait."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from worker_runtime.local.stage.apis.http_call import call_of
from worker_runtime.local.stage.parts.http_server import HttpServer
from worker_runtime.local.stage.parts.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.apis.http_call import HttpCall
    from worker_runtime.local.stage.parts.http_server import Request, Response


class Api(Protocol):
    """Answers requests; for many threads."""

    @property
    def id_header(self) -> str:
        """Name the header that tells callers what their request is called."""

    def answer(self, call: HttpCall) -> Response | None:
        """Answer a request; None while the stage is taken down."""


class ApiServer(Part):
    """One API, served from ``start`` to ``quit``; it goes with the stage's pollers."""

    def __init__(self, api: Api, *, clock: Clock, request_ids: Callable[[], str], port: int = 0) -> None:
        """Serve on ``port``, or on any free one where it is 0."""
        self._api = api
        self._clock = clock
        self._request_ids = request_ids
        self._server = HttpServer(self._answer, port=port)
        self._lock = threading.Lock()
        self._waiting = 0

    @property
    def url(self) -> str:
        """The API's base URL, without a slash at its end."""
        return f"http://{self._server.address}"

    def start(self) -> Self:
        """Listen."""
        self._server.start()
        return self

    def busy(self) -> bool:
        """Whether a caller waits for an answer."""
        with self._lock:
            return self._waiting > 0

    def quit(self) -> None:
        """Do nothing yet: who waits has an answer coming."""

    def stop(self) -> None:
        """Listen no more and hang up on everybody."""
        self._server.stop()

    def _answer(self, request: Request) -> Response | None:
        with self._lock:
            self._waiting += 1
        try:
            call = call_of(request, at=self._clock.now(), request_id=self._request_ids())
            response = self._api.answer(call)
        finally:
            with self._lock:
                self._waiting -= 1
        if response is None:
            return None
        known_as = {self._api.id_header: call.request_id}
        return replace(response, headers={**response.headers, **known_as})
