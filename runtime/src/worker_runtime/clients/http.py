"""One HTTP service: pooled, bounded by what the invocation has left, tried again where that is safe.

The caller gets the response as it is; ``check`` turns what is not 2xx into a verdict.
httpx and tenacity are imported when the first request is made, never by importing this module.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, TypedDict

from worker_runtime.clients import http_verdicts
from worker_runtime.clients.calls import noted
from worker_runtime.clients.http_retries import retrying
from worker_runtime.clients.not_called import NotCalled
from worker_runtime.clients.time_left import budget_s
from worker_runtime.errors import Retry, SettingsError
from worker_runtime.middleware.correlation import correlation_id, trace_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import Unpack

    from httpx import Auth, Client, Response
    from httpx import Request as Sent

    from worker_runtime.clients.breaker import Breaker
    from worker_runtime.clients.calls import Call

    Signs = Auth | Callable[[Sent], Sent]

RESERVE_S: Final = 2.0  # of the invocation, kept for what comes after the call
KEPT_S: Final = 30.0
REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


class Request(TypedDict, total=False):
    """What a request carries; POST and PATCH are repeated only with a key or ``idempotent=True``."""

    json: Any
    params: Mapping[str, str | int | bool]
    headers: Mapping[str, str]
    idempotency_key: str
    idempotent: bool


class HttpService:
    """A service by its base URL; connects on first use and may be shared by threads.

    ``name`` stands in errors; ``trace_headers`` gives the headers of each request that make it a part of
    the trace at hand (``traceparent``);
    ``auth`` (httpx's, or a function of the request, as ``SigV4``) signs each one before it is sent.
    """

    def __init__(  # noqa: PLR0913 - settings of one service, all but the name with defaults
        self,
        base_url: str,
        *,
        name: str,
        timeout_s: float = 5.0,
        connect_timeout_s: float = 1.0,
        retries: int = 2,
        max_connections: int = 50,
        headers: Mapping[str, str] | None = None,
        trace_headers: Callable[[], Mapping[str, str]] = trace_headers,
        breaker: Breaker | None = None,
        auth: Signs | None = None,
    ) -> None:
        if not base_url.startswith(("https://", "http://")):
            raise SettingsError(f"The base URL of {name} has to start with https:// or http://.")
        self.name = name
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._retries = retries
        self._headers = headers or {}
        self._trace_headers = trace_headers
        self._breaker = breaker
        self._auth = auth
        self._free = threading.BoundedSemaphore(max_connections)
        self._lock = threading.Lock()
        self._client: Client | None = None

    def request(self, method: str, path: str, **request: Unpack[Request]) -> Response:
        """Return the service's answer, whatever its status; no answer is raised as a verdict.

        Connection errors, 429, 502, 503 and 504 are tried again, after Retry-After where it is short.
        Raises NotCalled where not even the first try was made.
        """
        import httpx  # noqa: PLC0415 - with the first request

        key = request.get("idempotency_key")
        headers = {**self._context_headers(), **request.get("headers", {})}
        if key:
            headers["Idempotency-Key"] = key
        repeatable = method in REPEATABLE or bool(key) or request.get("idempotent", False)
        send = retrying(self._retries if repeatable else 0, reserve_s=RESERVE_S)
        built = {"json": request.get("json"), "params": request.get("params"), "headers": headers}
        try:
            response: Response = send(self._attempt, method, path, **built)
        except httpx.HTTPError as error:
            what = f"{self.name}: {method} {path.partition('?')[0]}"
            raise http_verdicts.verdict_of(error, what=what) from error
        except NotCalled as error:
            if send.statistics["attempt_number"] > 1:  # an earlier try was made, whatever came of it
                raise Retry(error.after_s, reason=str(error)) from error
            raise
        return response

    def get(self, path: str, **request: Unpack[Request]) -> Response:
        """Send a GET; see ``request``."""
        return self.request("GET", path, **request)

    def post(self, path: str, **request: Unpack[Request]) -> Response:
        """Send a POST; see ``request``."""
        return self.request("POST", path, **request)

    def put(self, path: str, **request: Unpack[Request]) -> Response:
        """Send a PUT; see ``request``."""
        return self.request("PUT", path, **request)

    def check(self, response: Response, *, rejects: Mapping[int, str] | None = None) -> Response:
        """Return a 2xx response, raise the verdict any other means; ``rejects``: status to Reject code."""
        return http_verdicts.check(response, service=self.name, rejects=rejects)

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _attempt(self, method: str, path: str, **built: Any) -> Response:
        with self._connection() as timeout_s:
            try:
                with self._breaker.calling() if self._breaker else nullcontext(), self._noted() as call:
                    response = self._send(method, path, timeout_s=timeout_s, **built)
                    call.error = http_verdicts.blamed(response)
                    return _sound(response)
            except _Failing as failing:
                return failing.response

    def _noted(self) -> AbstractContextManager[Call]:
        return noted(self.name, class_of=_class_of)

    @contextmanager
    def _connection(self) -> Iterator[float]:
        """Wait for a free connection and yield what its request may take; httpx's own wait counts apart."""
        if not self._free.acquire(timeout=self._budget_s()):
            raise NotCalled(reason=f"{self.name}: all connections are taken")
        try:
            yield self._budget_s()
        finally:
            self._free.release()

    def _budget_s(self) -> float:
        return budget_s(self._timeout_s, reserve_s=RESERVE_S, service=self.name)

    def _send(self, method: str, path: str, *, timeout_s: float, **built: Any) -> Response:
        """Exchange one request and response in time, connecting and a slow body included."""
        import httpx  # noqa: PLC0415 - with the first request

        client = self._connected()
        connect_s = min(self._connect_timeout_s, timeout_s / 4)
        timeout = httpx.Timeout(timeout_s - connect_s, connect=connect_s)
        ends_at = time.monotonic() + timeout_s  # sockets wait in the machine's seconds, whatever the clock
        response = client.send(client.build_request(method, path, timeout=timeout, **built), stream=True)
        body = _until(ends_at, response.stream, late=httpx.ReadTimeout("the body came too slowly"))
        response.stream = httpx.Response(response.status_code, content=body).stream
        response.read()
        return response

    def _context_headers(self) -> dict[str, str]:
        current = correlation_id()
        return {**self._trace_headers(), **({"X-Correlation-Id": current} if current else {})}

    def _connected(self) -> Client:
        with self._lock:
            if self._client is None:
                self._client = _open(self._base_url, self._headers, self._auth)
            return self._client


class _Failing(Exception):
    """Carries an answer of 5xx past the breaker, which counts exceptions."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"it answered {response.status_code}")
        self.response = response


def _class_of(error: Exception) -> str | None:
    return http_verdicts.blamed(error.response) if isinstance(error, _Failing) else type(error).__name__


def _sound(response: Response) -> Response:
    if response.is_server_error:
        raise _Failing(response)
    return response


def _open(base_url: str, headers: Mapping[str, str], auth: Signs | None) -> Client:
    from http.cookiejar import CookieJar, DefaultCookiePolicy  # noqa: PLC0415 - with the first request

    import httpx  # noqa: PLC0415 - with the first request

    for noisy in ("httpx", "httpcore"):  # they log whole URLs, with the keys in their queries
        if logging.getLogger(noisy).level == logging.NOTSET:
            logging.getLogger(noisy).setLevel(logging.WARNING)
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # one fan's must not reach the next
    # httpx keeps 20 connections for 5 s: fewer than a batch uses at once, and gone by the next one
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEPT_S)
    return httpx.Client(base_url=base_url, headers=headers, auth=auth, cookies=no_cookies, limits=limits)


def _until(ends_at: float, stream: Any, *, late: Exception) -> Iterator[bytes]:
    try:
        for chunk in stream:
            if time.monotonic() > ends_at:
                raise late
            yield chunk
    finally:
        stream.close()
