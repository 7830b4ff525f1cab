"""What API Gateway reads of a reply: all else is refused, where it would answer 502 or lose a part."""

from __future__ import annotations

from typing import Any, Final

from worker_runtime.base64_text import decode_base64
from worker_runtime.errors import ReplyRefused
from worker_runtime.sources import another_shape
from worker_runtime.sources.http_fields import is_header, is_line

_KEYS: Final = frozenset(("statusCode", "headers", "body", "isBase64Encoded"))
_STATUSES: Final = range(100, 600)


def check_http_reply(reply: Any, *, v2: bool) -> None:
    """Refuse what is no reply of the request's form: 1.0 knows no cookies, 2.0 no lists of headers."""
    if not isinstance(reply, dict):
        raise another_shape(reply, "statusCode, headers, body")
    status = reply.get("statusCode")
    if type(status) is not int or status not in _STATUSES:
        raise _refused(f"its statusCode is {status!r}", "say a number from 100 to 599")
    if unknown := sorted(map(str, {*reply} - _KEYS - {"cookies" if v2 else "multiValueHeaders"})):
        raise _refused(f"API Gateway reads no {', '.join(unknown)}", "leave it out")
    _check_headers(reply)
    _check_body(reply)


def _check_headers(reply: dict[str, Any]) -> None:
    headers, several = reply.get("headers") or {}, reply.get("multiValueHeaders") or {}
    if not isinstance(headers, dict) or not all(is_header(*each) for each in headers.items()):
        raise _refused("its headers are no single lines of text by name", "say an object of such texts")
    if not isinstance(several, dict) or not all(_are_lines(*each) for each in several.items()):
        raise _refused("its multiValueHeaders are no lists of lines by name", "say an object of such lists")
    cookies = reply.get("cookies") or []
    if not isinstance(cookies, list) or not all(map(is_line, cookies)):
        raise _refused("its cookies are no list of single lines of text", "say such a list")


def _check_body(reply: dict[str, Any]) -> None:
    body, encoded = reply.get("body"), reply.get("isBase64Encoded", False)
    if not isinstance(body, str | None):
        raise _refused(f"its body is a {type(body).__name__}", "say a text")
    if not isinstance(encoded, bool):
        raise _refused("its isBase64Encoded is neither true nor false", "say one of them")
    if encoded:
        try:
            decode_base64(body or "")
        except ValueError as error:
            raise _refused("its body is no base64", "say isBase64Encoded false") from error


def _are_lines(name: Any, values: Any) -> bool:
    return isinstance(values, list) and all(is_header(name, value) for value in values)


def _refused(what: str, cure: str) -> ReplyRefused:
    return ReplyRefused(f"middleware made a reply that API Gateway cannot read: {what}; {cure}.")
