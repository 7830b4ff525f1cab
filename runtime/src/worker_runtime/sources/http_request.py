"""A request as a worker takes it, and what is refused before any worker sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic

from msgspec import Struct
from msgspec.structs import force_setattr

from worker_runtime.errors import UNDECODABLE
from worker_runtime.records import T
from worker_runtime.sources.http_fields import Headers, Query, cookies_of, parsed_query, texts
from worker_runtime.sources.http_record import is_v2, text_at, within
from worker_runtime.sources.told import Refused

if TYPE_CHECKING:
    from worker_runtime.sources.http_record import HttpRecord
    from worker_runtime.sources.http_route import HttpRoute

MISSING_PARAMETERS: Final = "Missing required request parameters: [{}]"
INVALID_BODY: Final = "Invalid request body"
"""What a REST API's own validator says, before it asks any function."""
REQUEST_BYTES: Final = 6_291_556  # Lambda quotas: 6 MB for a synchronous request


class HttpRequest(Struct, Generic[T], frozen=True, kw_only=True):
    """A request, its body decoded; ``raw_body`` is the body as it was sent, base64 undone.

    ``headers`` are found in any case, ``query`` gives the first value of a name and ``values`` all of
    them. ``route`` is the declared path, ``claims`` what an authorizer found out about the caller.
    """

    __brought_by__: ClassVar[str] = "ApiGateway"

    body: T
    raw_body: bytes = b""
    method: str = "POST"
    path: str = "/"
    route: str = "/"
    path_parameters: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    cookies: Mapping[str, str] = {}
    source_ip: str = ""
    claims: Mapping[str, Any] = {}

    def __post_init__(self) -> None:
        if not isinstance(self.headers, Headers):
            force_setattr(self, "headers", Headers(self.headers))
        if not isinstance(self.query, Query):
            force_setattr(self, "query", Query(self.query))

    def values(self, name: str) -> tuple[str, ...]:
        """Return all values of a query parameter, none where it is not there."""
        query = self.query
        return query.all(name) if isinstance(query, Query) else ()


def request_of(record: HttpRecord[Any], *, route: HttpRoute, body: Any, raw_body: bytes) -> HttpRequest[Any]:
    """Put together what a worker takes of an event."""
    event = record.raw
    context = within(event, "requestContext")
    method, path, source_ip = line_of(event)
    sent = texts(event.get("cookies")) or (record.headers.get("cookie", ""),)
    return HttpRequest(
        body=body,
        raw_body=raw_body,
        method=method,
        path=path,
        route=route.path,
        path_parameters=within(event, "pathParameters") or route.parameters(path) or {},
        query=query_of(event),
        headers=record.headers,
        cookies=cookies_of(sent),
        source_ip=source_ip,
        claims=_claims(within(context, "authorizer")),
    )


def line_of(event: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return a request's method and path, and the address of who sent it."""
    context = within(event, "requestContext")
    if is_v2(event):
        http = context["http"]
        return text_at(http, "method"), text_at(event, "rawPath"), text_at(http, "sourceIp")
    address = text_at(within(context, "identity"), "sourceIp")
    return text_at(event, "httpMethod"), text_at(event, "path"), address


def query_of(event: Mapping[str, Any]) -> Query:
    """Return a request's query; form 2.0 joins values by commas, so there the raw text is read."""
    if is_v2(event):
        return parsed_query(text_at(event, "rawQueryString"))
    single, several = within(event, "queryStringParameters"), within(event, "multiValueQueryStringParameters")
    return Query(single | several)


def body_of(record: HttpRecord[Any], *, max_bytes: int) -> bytes:
    """Return the bytes that were sent; Refused where they are too many or no base64."""
    try:
        raw = record.raw_body if record.least_bytes <= max_bytes else None
    except (TypeError, ValueError) as error:
        raise Refused(UNDECODABLE, INVALID_BODY, status=400) from error
    if raw is None or len(raw) > max_bytes:
        raise Refused("BODY_TOO_LARGE", f"The body has over {max_bytes} bytes", status=413)
    return raw


def _claims(authorizer: dict[str, Any]) -> dict[str, Any]:
    """Return what a Cognito, JWT, Lambda or IAM authorizer found out, wherever the event's form has it."""
    if "claims" in authorizer:
        return within(authorizer, "claims")
    jwt = within(within(authorizer, "jwt"), "claims")
    return jwt or within(authorizer, "lambda") or within(authorizer, "iam") or authorizer
