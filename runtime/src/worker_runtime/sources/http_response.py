"""What a worker's word becomes: a response, an error as problem JSON, the reply that API Gateway reads."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from worker_runtime.errors import UNDECODABLE, ReplyRefused
from worker_runtime.outcomes import Done
from worker_runtime.sources.asynchronous import plain
from worker_runtime.sources.http_fields import is_header, is_line
from worker_runtime.sources.http_request import INVALID_BODY
from worker_runtime.sources.told import Told, told_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.outcomes import Outcome

STATUSES: Final = range(200, 600)  # what a final response may be
PROBLEM: Final = "application/problem+json"  # RFC 9457
RETRY_AFTER_S: Final = 5
"""When a caller should come back where nobody says."""


class HttpResponse(Struct, frozen=True):
    """An answer of the worker's own: status, body, headers, cookies.

    Bytes and text are sent as they are, anything else as JSON. A header's value may be a list, which
    becomes several lines; a cookie is a whole ``Set-Cookie`` line. Raises ValueError for what could
    not be sent.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str | Sequence[str]] = {}
    cookies: Sequence[str] = ()

    def __post_init__(self) -> None:
        if type(self.status) is not int or self.status not in STATUSES:
            raise ValueError(f"HttpResponse: status is {self.status!r}; say 200 to 599.")
        for name, line in self.lines():
            if not is_header(name, line):
                raise ValueError(
                    f"HttpResponse: header {name!r} is no token with a single line of ASCII text."
                )
            if name.lower() == "set-cookie":
                raise ValueError("HttpResponse: Set-Cookie is a header; say cookies=[...] instead.")
        for cookie in self.cookies:
            if not is_line(cookie) or isinstance(self.cookies, str):
                raise ValueError(
                    "HttpResponse: a cookie is no single line of ASCII text; say cookies=['a=b']."
                )

    def lines(self) -> Iterator[tuple[str, str]]:
        """List the headers, one pair a line."""
        for name, given in self.headers.items():
            yield from ((name, line) for line in (given if isinstance(given, list | tuple) else (given,)))


def response_of(outcome: Outcome, *, statuses: Mapping[str, int], correlation_id: str) -> HttpResponse:
    """Make a response of what became of a request; ``statuses`` are those of failures, by their code.

    Nothing, like a Skip, is 200 without a body: what senders of webhooks wait for. Who wants 204 says
    HttpResponse(204).
    """
    told = told_of(outcome)
    if told is not None:
        return problem(told, status=statuses.get(told.code, told.status), correlation_id=correlation_id)
    value = outcome.value if isinstance(outcome, Done) else None
    return value if isinstance(value, HttpResponse) else HttpResponse(200, value)


def problem(told: Told, *, status: int, correlation_id: str) -> HttpResponse:
    """Word a failure by RFC 9457: what kind, what for, which request."""
    from http import HTTPStatus  # noqa: PLC0415 - few requests fail

    title = HTTPStatus(status).phrase if status in {*HTTPStatus} else "Error"
    said = {"type": "about:blank", "title": title, "status": status, "code": told.code}
    if detail := INVALID_BODY if told.code == UNDECODABLE else told.detail:
        said["detail"] = detail
    headers = {"Content-Type": PROBLEM}
    if told.retryable:
        headers["Retry-After"] = str(RETRY_AFTER_S if told.after_s is None else max(ceil(told.after_s), 1))
    return HttpResponse(status, {**said, "correlationId": correlation_id}, headers)


def worded(response: HttpResponse, *, v2: bool) -> dict[str, Any]:
    """Word the reply in the form of the request: cookies are headers in 1.0, a list in 2.0."""
    text, encoded, media_type = _content(response.body)
    spelt: dict[str, str] = {}  # a header in two spellings is one, by the first
    lines: dict[str, list[str]] = {}
    for name, line in response.lines():
        lines.setdefault(spelt.setdefault(name.lower(), name), []).append(line)
    if media_type and "content-type" not in spelt:
        lines["Content-Type"] = [media_type]
    reply: dict[str, Any] = {"statusCode": response.status, "body": text, "isBase64Encoded": encoded}
    if v2:
        joined = {name: ",".join(values) for name, values in lines.items()}
        return {**reply, "headers": joined, "cookies": [*response.cookies]}
    if response.cookies:
        lines["Set-Cookie"] = [*response.cookies]
    reply["headers"] = {name: values[0] for name, values in lines.items() if len(values) == 1}
    if several := {name: values for name, values in lines.items() if len(values) > 1}:
        reply["multiValueHeaders"] = several
    return reply


def _content(body: Any) -> tuple[str, bool, str]:
    """Return a body as a reply carries it: the text, whether that is base64, and its media type."""
    if body is None:
        return "", False, ""
    if isinstance(body, bytes):
        return b2a_base64(body, newline=False).decode(), True, "application/octet-stream"
    if isinstance(body, str):
        return body, False, "text/plain; charset=utf-8"
    try:
        return msgspec.json.encode(plain(body)).decode(), False, "application/json"
    except ValueError as error:  # a lone surrogate
        raise ReplyRefused(f"the worker returned a {type(body).__name__} that is no JSON: {error}") from error
