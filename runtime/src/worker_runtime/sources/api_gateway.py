"""API Gateway and function URLs: one request an event, the worker's word as the response."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from worker_runtime.decoding import json_decoder
from worker_runtime.errors import DeclarationError, ReplyRefused
from worker_runtime.outcomes import Family
from worker_runtime.replies import check_size
from worker_runtime.settings import in_lambda
from worker_runtime.sources.answering import AnsweringSource
from worker_runtime.sources.http_record import http_record, is_v1, is_v2, text_at
from worker_runtime.sources.http_request import (
    MISSING_PARAMETERS,
    REQUEST_BYTES,
    HttpRequest,
    body_of,
    line_of,
    query_of,
    request_of,
)
from worker_runtime.sources.http_response import problem, response_of, worded
from worker_runtime.sources.http_route import parsed_route
from worker_runtime.sources.told import INTERNAL, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker_runtime.outcomes import Outcome
    from worker_runtime.records import Record
    from worker_runtime.sources import Shape
    from worker_runtime.sources.http_record import HttpRecord
    from worker_runtime.sources.http_route import HttpRoute

Endpoint = Literal["rest", "http", "url"]

_SHAPES: Final[frozenset[Shape]] = frozenset(("each", "record"))

_log = logging.getLogger(__name__)


class RouteSettings(AnsweringSource, frozen=True, kw_only=True, rename="camel"):
    """What stands beside a route, by name."""

    api: str | None = None
    endpoint: Endpoint = "rest"
    authorizer: str | None = None
    required_query: tuple[str, ...] = ()
    required_headers: tuple[str, ...] = ()
    body: Any = None
    body_max_bytes: int = REQUEST_BYTES
    statuses: Mapping[str, int] = {}
    binary_types: tuple[str, ...] = ()


class ApiGateway(RouteSettings, frozen=True, rename="camel"):
    """Answer one route, ``POST /things/{id}``, of a REST API, an HTTP API or a function URL.

    ``api`` is the logical name of the API, by default the stack's own, ``authorizer`` that of the
    TokenAuthorizer which lets callers in; without one anybody comes in. What is required is refused
    with 400 where it is missing or blank; a REST API does so before it asks the worker, and holds
    bodies against the model ``body``. A rejection is answered with its code, what it ``tell``s, and 400
    unless ``statuses`` says another status for the code. ``binary_types`` are media types that a REST
    API carries as bytes.
    """

    route: str

    @property
    def kind(self) -> str:
        """``api_gateway``."""
        return "api_gateway"

    @property
    def name(self) -> str:
        """The route."""
        return self.route

    @property
    def family(self) -> Family:
        """Every outcome is told to the caller."""
        return Family.HTTP

    @property
    def shapes(self) -> frozenset[Shape]:
        """A worker takes the body, the request, or a record of either."""
        return _SHAPES

    def check(self, *, worker: str, timeout_s: float) -> None:
        """Refuse settings that API Gateway refuses, or with which callers would not hear the worker.

        Not in Lambda, where the API has them already.
        """
        if not in_lambda():
            from worker_runtime.sources.route_checks import check_settings  # noqa: PLC0415 - see above

            check_settings(self, who=f"{worker}: ApiGateway({self.route!r})", timeout_s=timeout_s)

    def recognises(self, event: Any) -> bool:
        """Whether the event is a request in one of API Gateway's two forms."""
        return is_v1(event) or is_v2(event)

    def owns(self, event: Any) -> bool:
        """Whether the event is of this very route."""
        route = parsed_route(self.route)
        method, path, _ = line_of(event)
        if not route.takes(method):
            return False
        said = text_at(event, "routeKey").partition(" ")[2] if is_v2(event) else text_at(event, "resource")
        return said == route.path or (said in ("", "$default") and route.parameters(path) is not None)

    def refuses(self, event: Any) -> bool:
        """Whether it is asked what is nobody's: a function URL has no routes, so all requests come to it."""
        return self.endpoint == "url" and is_v2(event) and " " not in text_at(event, "routeKey")

    def records(self, event: Any) -> list[Record[Any]]:
        """Open the one request, its body not decoded yet."""
        return [http_record(event)]

    def decoder(self, model: Any) -> Callable[[Record[Any]], Any]:
        """Decode the body, JSON unless the worker takes ``bytes`` or ``str``; no body reads as ``{}``."""
        whole = get_origin(model) is HttpRequest
        if model is HttpRequest:
            raise DeclarationError("HttpRequest says nothing of its body; write HttpRequest[YourModel].")
        inner = get_args(model)[0] if whole else model
        decode = json_decoder(inner)
        nothing = b"" if inner in (bytes, str) else b"{}"
        route = parsed_route(self.route, escaped=self.endpoint == "url")

        def taken(record: HttpRecord[Any]) -> Any:
            self._refuse_unfit(record, route)
            raw_body = body_of(record, max_bytes=self.body_max_bytes)
            body = decode(raw_body or nothing)
            return request_of(record, route=route, body=body, raw_body=raw_body) if whole else body

        return taken  # type: ignore[return-value]  # its own records, as everywhere

    def _refuse_unfit(self, record: HttpRecord[Any], route: HttpRoute) -> None:
        """Refuse what a REST API refuses by itself, in its words and its order."""
        if self.endpoint == "url":  # it has no routes: whatever is asked for comes here
            method, path, _ = line_of(record.raw)
            if not route.takes(method) or route.parameters(path) is None:
                raise Refused("NO_SUCH_ROUTE", "There is no such route", status=404)
        if not (self.required_query or self.required_headers):
            return
        query = query_of(record.raw)
        missing = [name for name in self.required_query if not query.get(name, "").strip()]
        missing += [name for name in self.required_headers if not record.headers.get(name, "").strip()]
        if missing:
            raise Refused("MISSING_PARAMETERS", MISSING_PARAMETERS.format(", ".join(missing)), status=400)

    def reply(self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> Any:
        """Word the response in the form of the request; what has no such words is an internal error."""
        ((record,), (outcome,)) = records, outcomes
        v2, known_as = is_v2(record.raw), record.correlation_id
        try:
            told = worded(response_of(outcome, statuses=self.statuses, correlation_id=known_as), v2=v2)
            check_size(told)
        except ReplyRefused as refused:
            _log.error("the answer to %s cannot be told: %s", record.id, refused)
            return worded(problem(INTERNAL, status=INTERNAL.status, correlation_id=known_as), v2=v2)
        return told

    def check_reply(self, reply: Any, *, worded: Any, records: Sequence[Record[Any]]) -> None:  # noqa: ARG002 - the request alone says what it reads
        """Let middleware answer otherwise, in a form that API Gateway reads."""
        from worker_runtime.sources.http_replies import check_http_reply  # noqa: PLC0415 - few replies are changed

        check_http_reply(reply, v2=is_v2(records[0].raw))

    def describe(self, *, timeout_s: int) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """Its settings as plain data, for the manifest: what its route is made from."""
        from worker_runtime.sources.request_models import request_schema  # noqa: PLC0415 - not in Lambda

        route = parsed_route(self.route)
        return {
            "kind": self.kind,
            "name": self.name,
            "api": self.api,
            "endpoint": self.endpoint,
            "authorizer": self.authorizer,
            "method": route.method,
            "path": route.path,
            "requiredQuery": list(self.required_query),
            "requiredHeaders": list(self.required_headers),
            "bodySchema": None if self.body is None else request_schema(self.body),
            "bodyMaxBytes": self.body_max_bytes,
            "statuses": dict(self.statuses),
            "binaryTypes": list(self.binary_types),
        }
