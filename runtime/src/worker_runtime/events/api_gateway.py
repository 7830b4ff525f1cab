"""What API Gateway and function URLs ask: for an answer to a request and, before that, about its token."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlencode

from worker_runtime import clock
from worker_runtime.events.places import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Several = Mapping[str, str | Sequence[str]]

API: Final = "abcdef1234"
STAGE: Final = "test"


class _Asked(NamedTuple):
    """The first line of a request, and the route's path that it came by."""

    method: str
    template: str
    path: str


def http_event(  # noqa: PLR0913 - a request has as many parts, all optional
    body: Any = None,
    *,
    route: str = "POST /",
    path: str | None = None,
    path_parameters: Mapping[str, str] | None = None,
    query: Several | None = None,
    headers: Several | None = None,
    authorizer: Mapping[str, Any] | None = None,
    v2: bool = False,
) -> dict[str, Any]:
    """Build the event of a request: form 1.0 as REST APIs send it, with ``v2`` that of HTTP APIs and URLs.

    A body that is no text becomes JSON; bytes become base64. Headers and query parameters may have
    several values, in a list.
    """
    method, _, template = route.partition(" ")
    asked = _Asked("GET" if method == "ANY" else method, template, path or template)
    encoded = isinstance(body, bytes)
    if not isinstance(body, str | bytes | None):
        body = json.dumps(body)
    context: dict[str, Any] = {
        "accountId": ACCOUNT,
        "apiId": API,
        "domainName": f"{API}.execute-api.{REGION}.amazonaws.com",
        "domainPrefix": API,
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "stage": "$default" if v2 else STAGE,
    }
    if authorizer is not None:
        context["authorizer"] = dict(authorizer)
    form = _v2 if v2 else _v1
    return {
        "body": b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": encoded,
        "pathParameters": dict(path_parameters) if path_parameters else None,
        "stageVariables": None,
        **form(asked, query=_lists(query), headers=_lists(headers), context=context),
    }


def token_event(
    token: str, *, route: str = "GET /", header: str = "Authorization", v2: bool = False
) -> dict[str, Any]:
    """Build what API Gateway asks its authorizer: of a REST API (TOKEN), with ``v2`` of an HTTP API."""
    method, _, path = route.partition(" ")
    arn = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API}/{STAGE}/{method}{path}"
    if not v2:
        return {"type": "TOKEN", "authorizationToken": token, "methodArn": arn}
    asked = http_event(route=route, headers={header: token}, v2=True)
    return {"type": "REQUEST", "routeArn": arn, "identitySource": [token], **asked}


def _v1(
    asked: _Asked, *, query: dict[str, list[str]], headers: dict[str, list[str]], context: dict[str, Any]
) -> dict[str, Any]:
    """Say what form 1.0 alone says; a name's last value stands by itself."""
    more = {
        "httpMethod": asked.method,
        "path": f"/{STAGE}{asked.path}",
        "protocol": "HTTP/1.1",
        "resourcePath": asked.template,
        "requestTimeEpoch": int(clock.now() * 1000),
        "identity": {"sourceIp": "127.0.0.1", "userAgent": "test"},
    }
    return {
        "resource": asked.template,
        "path": asked.path,
        "httpMethod": asked.method,
        "headers": {name: values[-1] for name, values in headers.items()} or None,
        "multiValueHeaders": headers or None,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "requestContext": {**context, **more},
    }


def _v2(
    asked: _Asked, *, query: dict[str, list[str]], headers: dict[str, list[str]], context: dict[str, Any]
) -> dict[str, Any]:
    """Say what form 2.0 alone says; several values are joined by commas, cookies are a list."""
    lower = {name.lower(): ",".join(values) for name, values in headers.items()}
    cookies = lower.pop("cookie", "")
    http = {
        "method": asked.method,
        "path": asked.path,
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "test",
    }
    return {
        "version": "2.0",
        "routeKey": f"{asked.method} {asked.template}",
        "rawPath": asked.path,
        "rawQueryString": urlencode(query, doseq=True),
        **({"cookies": cookies.split("; ")} if cookies else {}),
        "headers": lower,
        "queryStringParameters": {name: ",".join(values) for name, values in query.items()} or None,
        "requestContext": {
            **context,
            "http": http,
            "routeKey": f"{asked.method} {asked.template}",
            "timeEpoch": int(clock.now() * 1000),
        },
    }


def _lists(given: Several | None) -> dict[str, list[str]]:
    return {name: [each] if isinstance(each, str) else list(each) for name, each in (given or {}).items()}
