"""The events that API Gateway and function URLs make of a request, and its questions to authorizers.

Shapes: API Gateway developer guide, "Input format of a Lambda function for proxy integration" (1.0),
"Working with AWS Lambda proxy integrations for HTTP APIs" (2.0), "Input to a Lambda authorizer".
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from worker_runtime.local.stage.apis.api_routes import Found
    from worker_runtime.local.stage.apis.http_call import HttpCall

ACCOUNT: Final = "000000000000"
REST_STAGE: Final = "local"
DEFAULT: Final = "$default"

_TEXTS: Final = frozenset(("application/json", "application/xml", "application/javascript"))
"""What form 2.0 hands over as text, beside text/*; nobody documents it, MiniStack's authors measured it."""

_NOBODY: Final = dict.fromkeys(
    (
        *("accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType"),
        *("cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "user", "userArn"),
    )
)


def event_v1(
    call: HttpCall,
    found: Found,
    *,
    api_id: str,
    binary_types: Collection[str],
    authorizer: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Make the event of a REST API; it serves at the root, as under a domain of one's own."""
    path = found.route.declared.path
    body, encoded = _body(call, as_text=not is_binary(call.media_type, binary_types))
    return {
        "resource": path,
        "path": call.path,
        "httpMethod": call.method,
        **_fields_v1(call),
        "pathParameters": dict(found.parameters) or None,
        "stageVariables": None,
        "requestContext": {**_context_v1(call, path, api_id), **_authorized(authorizer)},
        "body": body,
        "isBase64Encoded": encoded,
    }


def event_v2(
    call: HttpCall, found: Found, *, api_id: str, authorizer: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Make the event of an HTTP API; its path keeps no escape but that of the percent sign."""
    route = found.route.declared
    path = unquote(call.raw_path.replace("%25", "%2525"))
    known = None if authorizer is None else {"lambda": authorizer}
    context = _context_v2(call, path, api_id, route_key=str(route))
    event = {
        "version": "2.0",
        "routeKey": str(route),
        "rawPath": path,
        **_fields_v2(call),
        "requestContext": {**context, **_authorized(known)},
        **_body_v2(call),
    }
    return {**event, "pathParameters": dict(found.parameters)} if found.parameters else event


def url_event(call: HttpCall, *, url_id: str) -> dict[str, Any]:
    """Make the event of a function URL, which has no routes and hands paths over as they were sent."""
    context = _context_v2(call, call.raw_path, url_id, route_key=DEFAULT)
    return {
        "version": "2.0",
        "routeKey": DEFAULT,
        "rawPath": call.raw_path,
        **_fields_v2(call),
        "requestContext": {**context, "accountId": "anonymous"},  # who calls a URL without IAM
        **_body_v2(call),
    }


def token_question(call: HttpCall, *, token: str, region: str, api_id: str) -> dict[str, Any]:
    """Ask the authorizer of a REST API about a token."""
    return {"type": "TOKEN", "authorizationToken": token, "methodArn": method_arn(call, region, api_id)}


def request_question(call: HttpCall, found: Found, *, token: str, region: str, api_id: str) -> dict[str, Any]:
    """Ask the authorizer of an HTTP API about a request."""
    event = event_v2(call, found, api_id=api_id, authorizer=None)
    kept = {name: each for name, each in event.items() if name not in ("body", "isBase64Encoded")}
    arn = method_arn(call, region, api_id, stage=DEFAULT)
    return {**kept, "type": "REQUEST", "routeArn": arn, "identitySource": [token]}


def method_arn(call: HttpCall, region: str, api_id: str, *, stage: str = REST_STAGE) -> str:
    """Name what is asked for, as policies do."""
    return f"arn:aws:execute-api:{region}:{ACCOUNT}:{api_id}/{stage}/{call.method}{call.path}"


def is_binary(media_type: str, binary_types: Collection[str]) -> bool:
    """Whether a REST API carries a media type as bytes."""
    return bool(media_type) and not {media_type, "*/*"}.isdisjoint(binary_types)


def _fields_v1(call: HttpCall) -> dict[str, Any]:
    several: dict[str, list[str]] = {}
    spelt: dict[str, str] = {}
    for name, value in call.lines:
        several.setdefault(spelt.setdefault(name.lower(), name), []).append(value)
    query = call.query
    return {
        "headers": {name: values[-1] for name, values in several.items()},
        "multiValueHeaders": several,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
    }


def _fields_v2(call: HttpCall) -> dict[str, Any]:
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in call.lines:
        key = name.lower()
        if key == "cookie":
            cookies += [each.strip() for each in value.split(";") if each.strip()]
        else:
            headers[key] = f"{headers[key]},{value}" if key in headers else value
    fields: dict[str, Any] = {"rawQueryString": call.raw_query, "headers": headers}
    if cookies:
        fields["cookies"] = cookies
    if query := call.query:
        fields["queryStringParameters"] = {name: ",".join(values) for name, values in query.items()}
    return fields


def _context_v1(call: HttpCall, path: str, api_id: str) -> dict[str, Any]:
    identity = {**_NOBODY, "sourceIp": call.source_ip, "userAgent": call.header("user-agent")}
    return {
        "accountId": ACCOUNT,
        "apiId": api_id,
        "domainName": call.header("host"),
        "domainPrefix": api_id,
        "extendedRequestId": call.request_id,
        "httpMethod": call.method,
        "identity": identity,
        "path": call.path,
        "protocol": "HTTP/1.1",
        "requestId": call.request_id,
        "requestTime": _said(call.at),
        "requestTimeEpoch": int(call.at * 1000),
        "resourceId": path,
        "resourcePath": path,
        "stage": REST_STAGE,
    }


def _context_v2(call: HttpCall, path: str, api_id: str, *, route_key: str) -> dict[str, Any]:
    return {
        "accountId": ACCOUNT,
        "apiId": api_id,
        "domainName": call.header("host"),
        "domainPrefix": api_id,
        "http": {
            "method": call.method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": call.source_ip,
            "userAgent": call.header("user-agent"),
        },
        "requestId": call.request_id,
        "routeKey": route_key,
        "stage": DEFAULT,
        "time": _said(call.at),
        "timeEpoch": int(call.at * 1000),
    }


def _authorized(authorizer: Mapping[str, Any] | None) -> dict[str, Any]:
    return {} if authorizer is None else {"authorizer": dict(authorizer)}


def _body(call: HttpCall, *, as_text: bool) -> tuple[str | None, bool]:
    """Return the body as events carry it, and whether that is base64."""
    if not call.body:
        return None, False
    if as_text:
        return call.body.decode(errors="replace"), False
    return b64encode(call.body).decode(), True


def _body_v2(call: HttpCall) -> dict[str, Any]:
    body, encoded = _body(call, as_text=call.media_type.startswith("text/") or call.media_type in _TEXTS)
    return {"isBase64Encoded": encoded} if body is None else {"body": body, "isBase64Encoded": encoded}


def _said(at: float) -> str:
    return f"{datetime.fromtimestamp(at, tz=UTC):%d/%b/%Y:%H:%M:%S +0000}"
