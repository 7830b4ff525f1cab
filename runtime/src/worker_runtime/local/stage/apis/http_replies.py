"""A worker's reply as the HTTP response that API Gateway or a function URL makes of it; None where it cannot.

Form 1.0 (REST APIs) needs a ``statusCode``; form 2.0 takes what has none for the body of a 200. Unlike
``sources.http_replies``, which checks what leaves a worker of ours, this reads whatever came.
"""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.stage.apis.http_call import media_type
from worker_runtime.local.stage.apis.http_events import is_binary
from worker_runtime.local.stage.parts.http_server import Response

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from worker_runtime.local.stage.apis.http_call import HttpCall

_JSON: Final = "application/json"
_STATUSES: Final = range(100, 600)


def response_v1(value: Any, *, call: HttpCall, binary_types: Collection[str]) -> Response | None:
    """Answer as a REST API: bytes only to who accepts one of its binary types, else their base64."""
    accepted = media_type(call.header("accept").partition(",")[0])
    binary = is_binary(accepted, binary_types)
    return _response(value, default_type=_JSON, binary=binary, lists=True)


def response_v2(value: Any, *, default_type: str = "text/plain;charset=UTF-8") -> Response | None:
    """Answer as an HTTP API or a function URL."""
    if not isinstance(value, dict) or "statusCode" not in value:
        body = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        return Response(headers={"Content-Type": _JSON}, body=body.encode())
    return _response(value, default_type=default_type, binary=True, lists=False)


def _response(value: Any, *, default_type: str, binary: bool, lists: bool) -> Response | None:
    if not isinstance(value, dict) or type(value.get("statusCode")) is not int:
        return None
    status, body = value["statusCode"], _body(value, binary=binary)
    lines = _lines(value, lists=lists)
    if status not in _STATUSES or body is None or lines is None:
        return None
    if not any(name.lower() == "content-type" for name, _ in lines):
        lines.insert(0, ("Content-Type", default_type))
    return Response(status=status, lines=tuple(lines), body=body)


def _body(value: Mapping[str, Any], *, binary: bool) -> bytes | None:
    text = value.get("body")
    if not isinstance(text, str | None):
        return None
    if text and binary and value.get("isBase64Encoded") is True:
        try:
            return b64decode(text, validate=True)
        except ValueError:
            return None
    return (text or "").encode()


def _lines(value: Mapping[str, Any], *, lists: bool) -> list[tuple[str, str]] | None:
    """List the headers of a reply, without those that the connection owns; None where they are none."""
    single, several = value.get("headers") or {}, (value.get("multiValueHeaders") or {}) if lists else {}
    cookies = [] if lists else value.get("cookies") or []
    if not (isinstance(single, dict) and isinstance(several, dict) and isinstance(cookies, list)):
        return None
    listed = {name.lower() for name in several}
    lines = [(name, each) for name, each in single.items() if name.lower() not in listed]
    for name, values in several.items():
        if not isinstance(values, list):
            return None
        lines += [(name, each) for each in values]
    lines += [("Set-Cookie", each) for each in cookies]
    if any(isinstance(each, dict | list) for _, each in lines):
        return None
    return [(name, _text(each)) for name, each in lines if name.lower() not in _OWN]


_OWN: Final = frozenset(("content-length", "transfer-encoding", "connection"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
