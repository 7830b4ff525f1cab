"""What no route could be made from: refused when it is declared, never looked at in Lambda."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.errors import DeclarationError, text_of
from worker_runtime.sources import check_names, check_range
from worker_runtime.sources.http_fields import HEADER_NAME
from worker_runtime.sources.http_request import REQUEST_BYTES
from worker_runtime.sources.http_route import HttpRoute, parsed_route
from worker_runtime.sources.request_models import request_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.sources.api_gateway import ApiGateway

METHODS: Final = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
ANSWER_WITHIN_S: Final[Mapping[str, int]] = {"rest": 29, "http": 30, "url": 900}
"""API Gateway quotas, integration time-outs; a function URL waits as long as a function may run."""
REFUSALS: Final = range(400, 500)
_SEGMENT: Final = re.compile(r"\{[\w.:-]+\}|[\w.~:@!$&'()*,;=%-]+", re.ASCII)
_GREEDY: Final = re.compile(r"\{[\w.:-]+\+\}", re.ASCII)  # {proxy+}: the last one may take all that is left
_MEDIA_TYPE: Final = re.compile(r"[\w.!#$&^*+-]+/[\w.!#$&^*+-]+", re.ASCII)  # RFC 6838, or "*/*"


def check_settings(source: ApiGateway, *, who: str, timeout_s: float) -> None:
    """Refuse settings that API Gateway refuses, or with which callers would not hear the worker."""
    _check_route(who, source.route)
    check_names(who, api=source.api, authorizer=source.authorizer)
    if source.endpoint not in ANSWER_WITHIN_S:
        raise DeclarationError(f"{who} endpoint is {source.endpoint!r}; say 'rest', 'http' or 'url'.")
    if source.authorizer is not None and source.endpoint == "url":
        raise DeclarationError(f"{who} authorizer is {source.authorizer!r}; a function URL knows IAM alone.")
    if timeout_s > (longest := ANSWER_WITHIN_S[source.endpoint]):
        raise DeclarationError(
            f"{who} callers get an answer within {longest} s, and the worker's time-out is {timeout_s} s;"
            f" say timeout_s={longest} or less."
        )
    check_range(f"{who} body_max_bytes", source.body_max_bytes, 1, REQUEST_BYTES)
    _check_texts(f"{who} required_query", source.required_query, HEADER_NAME)
    _check_texts(f"{who} required_headers", source.required_headers, HEADER_NAME)
    _check_texts(f"{who} binary_types", source.binary_types, _MEDIA_TYPE)
    for code, status in source.statuses.items():
        if type(status) is not int or status not in REFUSALS:
            raise DeclarationError(f"{who} statuses[{code!r}] is {status!r}; say 400 to 499.")
    _check_body(who, source)


def _check_route(who: str, text: object) -> None:
    """Refuse a route that no API could have."""
    route = parsed_route(text) if isinstance(text, str) else HttpRoute("", "")
    *inner, last = route.path.split("/")[1:] if route.path.startswith("/") else ("?",)
    allowed = all(map(_SEGMENT.fullmatch, inner)) and (
        not (last or inner) or _SEGMENT.fullmatch(last) or _GREEDY.fullmatch(last)
    )
    if route.method not in METHODS or not allowed:
        raise DeclarationError(
            f"{who} route is {text!r}; say a method (one of {', '.join(METHODS)}) and a path,"
            " as 'POST /things/{id}'."
        )


def _check_texts(what: str, texts: Any, form: re.Pattern[str]) -> None:
    """Refuse what is no tuple of names; a lone text would be taken letter by letter."""
    if not isinstance(texts, tuple) or not all(isinstance(t, str) and form.fullmatch(t) for t in texts):
        raise DeclarationError(f"{what} is {texts!r}; say a tuple of names, as ('a',).")


def _check_body(who: str, source: ApiGateway) -> None:
    """Refuse a model that no validator could be made of."""
    if source.body is None:
        return
    if source.endpoint != "rest":
        raise DeclarationError(
            f"{who} body is {source.body!r}; only a REST API validates bodies: take HttpRequest[YourModel]."
        )
    try:
        request_schema(source.body)
    except Exception as error:
        raise DeclarationError(
            f"{who} body is {source.body!r}, which has no JSON Schema: {text_of(error)}"
        ) from error
