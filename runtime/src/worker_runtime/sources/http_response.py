"""What a worker's word becomes: a response, an error as problem JSON, the reply that API Gateway reads."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from worker_runtime.errors import ReplyRefused
from worker_runtime.outcomes import Deferred, Done, Failed, Outcome, Rejected, Skipped
from worker_runtime.sources.asynchronous import plain
from worker_runtime.sources.http_request import INVALID_BODY, UNDECODABLE, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

STATUSES: Final = range(200, 600)  # what a final response may be
PROBLEM: Final = "application/problem+json"  # RFC 9457
RETRY_AFTER_S: Final = 5
"""When a caller should come back where nobody says."""
RETRY_AFTER_MAX_S: Final = 86_400  # whatever number a worker asked for


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
            if not _is_line(name) or not _is_line(line):
                raise ValueError(f"HttpResponse: header {name!r} is no single line of text.")
            if name.lower() == "set-cookie":
                raise ValueError("HttpResponse: Set-Cookie is a header; say cookies=[...] instead.")
        for cookie in self.cookies:
            if not _is_line(cookie) or isinstance(self.cookies, str):
                raise ValueError("HttpResponse: a cookie is no single line of text; say cookies=['a=b'].")

    def lines(self) -> Iterator[tuple[str, str]]:
        """List the headers, one pair a line."""
        for name, given in self.headers.items():
            yield from ((name, line) for line in (given if isinstance(given, list | tuple) else (given,)))


def _is_line(text: object) -> bool:
    return isinstance(text, str) and text.isprintable()


def response_of(outcome: Outcome, *, statuses: Mapping[str, int], correlation_id: str) -> HttpResponse:
    """Make a response of what became of a request; ``statuses`` are those of rejections, by their code.

    Nothing, like a Skip, is 200 without a body: what senders of webhooks wait for. Who wants 204 says
    HttpResponse(204).
    """
    match outcome:
        case Done(value=value):
            return value if isinstance(value, HttpResponse) else HttpResponse(200, value)
        case Skipped():
            return HttpResponse(200)
        case Rejected(code=code):
            status, detail = _refusal(outcome)
            return problem(statuses.get(code, status), code, correlation_id=correlation_id, detail=detail)
        case Failed(halted=True):
            return problem(500, "INTERNAL", correlation_id=correlation_id)
        case _:
            after_s = outcome.after_s if isinstance(outcome, Failed | Deferred) else None
            wait_s = RETRY_AFTER_S if after_s is None else max(ceil(min(after_s, RETRY_AFTER_MAX_S)), 1)
            return problem(503, "TRY_AGAIN", correlation_id=correlation_id, retry_after_s=wait_s)


def _refusal(outcome: Rejected) -> tuple[int, str]:
    """Return a rejection's status and what the caller may read of it: never the worker's own words."""
    if isinstance(outcome.error, Refused):
        return outcome.error.status, outcome.error.detail
    return 400, INVALID_BODY if outcome.code == UNDECODABLE else ""


def problem(
    status: int, code: str, *, correlation_id: str, detail: str = "", retry_after_s: int | None = None
) -> HttpResponse:
    """Word an error by RFC 9457: what kind, what for, which request; nothing of what was inside it."""
    from http import HTTPStatus  # noqa: PLC0415 - few requests fail

    title = HTTPStatus(status).phrase if status in {*HTTPStatus} else "Error"
    said = {"type": "about:blank", "title": title, "status": status, "code": code}
    if detail:
        said["detail"] = detail
    headers = {"Content-Type": PROBLEM}
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    return HttpResponse(status, {**said, "correlationId": correlation_id}, headers)


def worded(response: HttpResponse, *, v2: bool) -> dict[str, Any]:
    """Word the reply in the form of the request: cookies are headers in 1.0, a list in 2.0."""
    text, encoded, media_type = _content(response.body)
    lines: dict[str, list[str]] = {}
    for name, line in response.lines():
        lines.setdefault(name, []).append(line)
    if media_type and "content-type" not in {name.lower() for name in lines}:
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
