"""What API Gateway reads of a reply: all else is refused, where it would answer 502 or lose a part."""

from __future__ import annotations

from binascii import Error, a2b_base64
from typing import Any, Final

from worker_runtime.errors import ReplyRefused
from worker_runtime.sources import another_shape

_KEYS: Final = frozenset(("statusCode", "headers", "multiValueHeaders", "cookies", "body", "isBase64Encoded"))
_STATUSES: Final = range(100, 600)


def check_http_reply(reply: Any, *, worded: Any) -> None:
    """Refuse what is no reply of the form that was worded for this request."""
    if not isinstance(reply, dict):
        raise another_shape(reply, "statusCode, headers, body")
    status = reply.get("statusCode")
    if type(status) is not int or status not in _STATUSES:
        raise _refused(f"its statusCode is {status!r}", "say a number from 100 to 599")
    known = {*_KEYS} - _foreign(worded)
    if unknown := sorted(map(str, {*reply} - known)):
        raise _refused(f"API Gateway reads no {', '.join(unknown)}", "leave it out")
    _check_headers(reply)
    _check_body(reply)


def _foreign(worded: Any) -> set[str]:
    """Name what the form of the worded reply has not: 1.0 knows no cookies, 2.0 no lists of headers."""
    return {"multiValueHeaders"} if isinstance(worded, dict) and "cookies" in worded else {"cookies"}


def _check_headers(reply: dict[str, Any]) -> None:
    headers, several = reply.get("headers") or {}, reply.get("multiValueHeaders") or {}
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise _refused("its headers are no texts by name", "say an object of texts")
    if not isinstance(several, dict) or not all(map(_texts, several.values())):
        raise _refused("its multiValueHeaders are no lists of texts by name", "say an object of such lists")
    if not _texts(reply.get("cookies") or []):
        raise _refused("its cookies are no list of texts", "say such a list")


def _check_body(reply: dict[str, Any]) -> None:
    body, encoded = reply.get("body"), reply.get("isBase64Encoded", False)
    if not isinstance(body, str | None):
        raise _refused(f"its body is a {type(body).__name__}", "say a text")
    if not isinstance(encoded, bool):
        raise _refused("its isBase64Encoded is neither true nor false", "say one of them")
    if encoded:
        try:
            a2b_base64(body or "", strict_mode=True)
        except (Error, ValueError) as error:
            raise _refused("its body is no base64", "say isBase64Encoded false") from error


def _texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _refused(what: str, cure: str) -> ReplyRefused:
    return ReplyRefused(f"middleware made a reply that API Gateway cannot read: {what}; {cure}.")
