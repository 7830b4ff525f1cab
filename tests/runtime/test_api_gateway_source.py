"""HTTP requests of REST APIs, HTTP APIs and function URLs: a request in, a response or a problem out."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import subprocess
import sys
from base64 import b64decode
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from pydantic import BaseModel

from conformance import sample
from imported import import_path
from verdicts import act
from wording import says
from worker_runtime import (
    ApiGateway,
    HttpRequest,
    HttpResponse,
    Invoke,
    Middleware,
    Record,
    Reject,
    Retry,
    Stack,
    Worker,
    clock,
    correlation_id,
    worker,
)
from worker_runtime.clock import SteppedClock
from worker_runtime.errors import DeclarationError, ReplyRefused, UnrecognisedEvent
from worker_runtime.handler import open_door
from worker_runtime.replies import REPLY_BYTES
from worker_runtime.runtime import run
from worker_runtime.testing import Context, RecordingSender, http_event, ready, run_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from installed import Site

SHOP = Stack("shop")
ORDERS = ApiGateway("POST /orders")
FORMS = pytest.mark.parametrize("v2", [False, True], ids=["1.0", "2.0"])
REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

declared = partial(worker, stack=SHOP, timeout_s=10)


class Order(Struct):
    id: str = "none"
    verdict: str = ""


class StrictOrder(BaseModel):
    id: str


@dataclass
class PlainOrder:
    id: str


class TypedOrder(TypedDict):
    id: str


def answering(value: Any, source: ApiGateway = ORDERS) -> Worker[..., Any]:
    @declared(source)
    def answer(_request: HttpRequest[bytes]) -> Any:
        """Answer whatever is asked."""
        return value

    return answer


def acting(source: ApiGateway = ORDERS) -> Worker[..., Any]:
    @declared(source)
    def act_on(order: Order) -> None:
        """Do what the order asks for."""
        act(order.verdict)

    return act_on


def asked(event: Any, source: ApiGateway = ORDERS, model: Any = bytes) -> HttpRequest[Any]:
    """Return the request that a worker is handed for an event."""
    seen: list[HttpRequest[Any]] = []

    def look(request: Any) -> None:
        """Keep what arrives."""
        seen.append(request)

    look.__annotations__["request"] = HttpRequest[model]
    reply = run_on(declared(source)(look), event)
    assert seen, reply
    return seen[0]


def problem_of(reply: Any) -> dict[str, Any]:
    """Read the problem of a reply."""
    assert reply["headers"]["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = json.loads(reply["body"])
    assert told["status"] == reply["statusCode"]
    return told


REFUSED = [
    (ApiGateway("orders"), 10, "route is 'orders'; say a method (one of ANY, ~) and a path, ~"),
    (ApiGateway("POST orders"), 10, "route is 'POST orders'; ~"),
    (ApiGateway("post /orders"), 10, "route is 'post /orders'; ~"),
    (ApiGateway("GET /a b"), 10, "route is 'GET /a b'; ~"),
    (ApiGateway("GET /a//b"), 10, "route is 'GET /a//b'; ~"),
    (ApiGateway("GET /{all+}/b"), 10, "route is 'GET /{all+}/b'; ~"),
    (ApiGateway(7), 10, "route is 7; ~"),  # type: ignore[arg-type]  # as a plugin might
    (ApiGateway("GET /", api="my api"), 10, "api is 'my api'; ~"),
    (ApiGateway("GET /", authorizer="my token"), 10, "authorizer is 'my token'; ~"),
    (
        ApiGateway("GET /", endpoint="url", authorizer="token"),
        10,
        "authorizer is 'token'; a function URL knows IAM alone.",
    ),
    (ApiGateway("GET /", endpoint="soap"), 10, "endpoint is 'soap'; say 'rest', 'http' or 'url'."),  # type: ignore[arg-type]  # as a plugin might
    (
        ApiGateway("GET /"),
        60,
        "callers get an answer within 29 s, and the worker's time-out is 60 s; say timeout_s=29 or less.",
    ),
    (ApiGateway("GET /", endpoint="http"), 31, "callers get an answer within 30 s, ~"),
    (ApiGateway("GET /", body_max_bytes=0), 10, "body_max_bytes is 0; AWS takes 1 to 6291556."),
    (
        ApiGateway("GET /", required_query="id"),  # type: ignore[arg-type]  # as a plugin might
        10,
        "required_query is 'id'; say a tuple of names, as ('a',).",
    ),
    (ApiGateway("GET /", required_headers=("X Id",)), 10, "required_headers is ('X Id',); ~"),
    (ApiGateway("GET /", binary_types=("image",)), 10, "binary_types is ('image',); ~"),
    (ApiGateway("GET /", statuses={"GONE": 503}), 10, "statuses['GONE'] is 503; say 400 to 499."),
    (ApiGateway("POST /", body=object()), 10, "body is <object ~>, which has no JSON Schema: ~"),
    (
        ApiGateway("POST /", body=Order, endpoint="http"),
        10,
        "body is ~Order~; only a REST API validates bodies: take HttpRequest[YourModel].",
    ),
]


@pytest.mark.parametrize(("source", "timeout_s", "expected"), REFUSED, ids=[e[:40] for _, _, e in REFUSED])
def test_what_no_api_could_be_made_from_is_refused_when_it_is_declared(
    source: ApiGateway, timeout_s: int, expected: str
) -> None:
    with pytest.raises(DeclarationError, match=says(f"answer: ApiGateway({source.route!r}) {expected}")):

        @worker(source, stack=SHOP, timeout_s=timeout_s)
        def answer(order: Order) -> None:
            """Answer."""


def test_a_function_url_waits_as_long_as_a_function_may_run() -> None:
    @worker(ApiGateway("ANY /{path+}", endpoint="url"), stack=SHOP, timeout_s=900)
    def answer(order: Order) -> None:
        """Answer."""

    assert answer.declaration.timeout_s == 900


def test_a_request_without_its_body_s_type_is_refused() -> None:
    def answer(request: HttpRequest) -> None:  # type: ignore[type-arg]  # as a plugin might
        """Answer."""

    with pytest.raises(DeclarationError, match=r"write HttpRequest\[YourModel\]\."):
        declared(ORDERS)(answer)


def test_a_worker_that_takes_nothing_or_a_batch_is_refused() -> None:
    def answer() -> None:
        """Answer."""

    with pytest.raises(DeclarationError, match="api_gateway POST /orders brings records: take one"):
        declared(ORDERS)(answer)


def test_the_manifest_says_what_the_route_is_made_from() -> None:
    source = ApiGateway(
        "POST /webhook",
        api="idv",
        authorizer="token",
        required_headers=("X-Signature",),
        body=Order,
        body_max_bytes=262_144,
        statuses={"SIGNATURE": 401},
        binary_types=("image/png",),
    )

    described = source.describe(timeout_s=10)

    assert json.loads(json.dumps(described)) == described
    assert described == {
        "kind": "api_gateway",
        "name": "POST /webhook",
        "api": "idv",
        "endpoint": "rest",
        "authorizer": "token",
        "method": "POST",
        "path": "/webhook",
        "requiredQuery": [],
        "requiredHeaders": ["X-Signature"],
        "bodySchema": {
            "$schema": "http://json-schema.org/draft-04/schema#",
            "title": "Order",
            "type": "object",
            "properties": {
                "id": {"type": "string", "default": "none"},
                "verdict": {"type": "string", "default": ""},
            },
        },
        "bodyMaxBytes": 262_144,
        "statuses": {"SIGNATURE": 401},
        "binaryTypes": ["image/png"],
    }
    assert source.grants() == ()


@pytest.mark.parametrize(
    ("model", "taken"),
    [
        (Order, Order("7")),
        (StrictOrder, StrictOrder(id="7")),
        (PlainOrder, PlainOrder("7")),
        (TypedOrder, {"id": "7"}),
        (dict[str, Any], {"id": "7"}),
        (bytes, b'{"id": "7"}'),
        (str, '{"id": "7"}'),
    ],
    ids=["Struct", "pydantic", "dataclass", "TypedDict", "dict", "bytes", "str"],
)
@pytest.mark.parametrize("sent", [{"id": "7"}, b'{"id": "7"}'], ids=["text", "base64"])
@FORMS
def test_a_body_becomes_the_worker_s_type(model: Any, taken: Any, sent: Any, v2: bool) -> None:
    seen: list[object] = []

    def look(order: Any) -> None:
        """Keep what arrives."""
        seen.append(order)

    look.__annotations__["order"] = model
    run_on(declared(ORDERS)(look), http_event(sent, route="POST /orders", v2=v2))

    assert seen == [taken]


@FORMS
def test_no_body_reads_as_an_empty_object_or_as_no_bytes(v2: bool) -> None:
    nothing = http_event(route="GET /orders", v2=v2)
    empty = http_event("", route="GET /orders", v2=v2)

    assert asked(nothing, model=Order).body == asked(empty, model=Order).body == Order()
    assert asked(nothing).body == asked(empty).body == b""


@FORMS
def test_a_request_says_who_asks_for_what(v2: bool) -> None:
    event = http_event(
        {"id": "7"},
        route="POST /orders/{order}/{rest+}",
        path="/orders/7/a/b",
        path_parameters={"order": "7", "rest": "a/b"},
        query={"tag": ["a", "b"], "page": "2", "empty": ""},
        headers={"X-Kind": ["x", "y"], "Cookie": "session=abc; theme=dark"},
        v2=v2,
    )

    request = asked(event, ApiGateway("POST /orders/{order}/{rest+}"), model=Order)

    assert (request.method, request.path, request.route) == (
        "POST",
        "/orders/7/a/b",
        "/orders/{order}/{rest+}",
    )
    assert request.path_parameters == {"order": "7", "rest": "a/b"}
    assert (request.body, request.raw_body) == (Order("7"), b'{"id": "7"}')
    assert dict(request.query) == {"tag": "a", "page": "2", "empty": ""}
    assert (request.values("tag"), request.values("none")) == (("a", "b"), ())
    assert request.headers["x-KIND"] == "x,y"
    assert "X-None" not in request.headers
    assert request.cookies == {"session": "abc", "theme": "dark"}
    assert request.source_ip == "127.0.0.1"


def test_a_comma_inside_a_value_of_form_2_stays_inside_it() -> None:
    event = http_event(route="GET /orders", query={"tag": ["a,b", "c d"]}, v2=True)

    assert asked(event).values("tag") == ("a,b", "c d")


@pytest.mark.parametrize(
    ("authorizer", "claims"),
    [
        ({"claims": {"sub": "u-1"}}, {"sub": "u-1"}),
        ({"claims": None, "scopes": None}, {}),
        ({"principalId": "u-1", "tier": "gold"}, {"principalId": "u-1", "tier": "gold"}),
        ({"jwt": {"claims": {"sub": "u-1"}, "scopes": []}}, {"sub": "u-1"}),
        ({"lambda": {"sub": "u-1"}}, {"sub": "u-1"}),
        ({"iam": {"userId": "AIDA"}}, {"userId": "AIDA"}),
        (None, {}),
    ],
)
@FORMS
def test_what_an_authorizer_found_out_is_found_wherever_it_stands(
    authorizer: Any, claims: Any, v2: bool
) -> None:
    assert asked(http_event(authorizer=authorizer, v2=v2)).claims == claims


def test_a_request_for_a_unit_test_is_written_in_one_line() -> None:
    request = HttpRequest(body=b"", headers={"X-IDV-Signature": "t=1"}, query={"a": "1"})

    assert request.headers["x-idv-signature"] == "t=1"
    assert (request.query["a"], request.values("a")) == ("1", ("1",))


@FORMS
def test_a_record_says_when_a_request_came_and_what_it_belongs_to(v2: bool) -> None:
    seen: list[Record[Any]] = []

    @declared(ORDERS)
    def look(record: Record[HttpRequest[Order]]) -> None:
        """Keep what arrives."""
        seen.append(record)

    with clock.using(SteppedClock()):
        event = http_event(
            {"id": "7"}, headers={"X-Correlation-Id": "c-1", "traceparent": "00-1-2-01"}, v2=v2
        )
        run_on(look, event)

    (record,) = seen
    assert (record.id, record.correlation_id, record.attempt) == (REQUEST_ID, "c-1", None)
    assert record.sent_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert record.attributes.get("traceparent") == "00-1-2-01"
    assert record.body.body == Order("7")
    assert record.raw == event


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        ({}, {"X-Correlation-Id": "c-1"}, "c-1"),
        ({}, {"correlationId": "c-1"}, "c-1"),
        ({"correlationId": "c-2"}, {}, REQUEST_ID),
        ({}, {"x-correlation-id": "jane@example.com"}, REQUEST_ID),
        ("{", {}, REQUEST_ID),
        ({}, {}, REQUEST_ID),
    ],
)
@FORMS
def test_a_request_belongs_to_what_its_header_says_never_to_what_its_body_says(
    body: Any, headers: Any, expected: str, v2: bool
) -> None:
    seen: list[str | None] = []

    @declared(ORDERS)
    def look(_body: bytes) -> None:
        """Note what it belongs to."""
        seen.append(correlation_id())

    run_on(look, http_event(body, headers=headers, v2=v2))

    assert seen == [expected]


class Told(Struct, rename="camel"):
    order_id: str


ANSWERS = [
    (None, 200, "", None),
    ({"a": [1]}, 200, '{"a":[1]}', "application/json"),
    (Told("7"), 200, '{"orderId":"7"}', "application/json"),
    (StrictOrder(id="7"), 200, '{"id":"7"}', "application/json"),
    ([StrictOrder(id="7")], 200, '[{"id":"7"}]', "application/json"),
    (PlainOrder("7"), 200, '{"id":"7"}', "application/json"),
    (7, 200, "7", "application/json"),
    ("hello", 200, "hello", "text/plain; charset=utf-8"),
    (HttpResponse(204), 204, "", None),
    (HttpResponse(201, {"id": 7}), 201, '{"id":7}', "application/json"),
    (HttpResponse(200, "<p>", {"content-type": "text/html"}), 200, "<p>", None),
]


@pytest.mark.parametrize(("value", "status", "body", "media_type"), ANSWERS, ids=str)
@FORMS
def test_what_the_worker_returns_is_the_response(
    value: Any, status: int, body: str, media_type: str | None, v2: bool
) -> None:
    reply = run_on(answering(value), http_event(v2=v2))

    assert (reply["statusCode"], reply["body"], reply["isBase64Encoded"]) == (status, body, False)
    assert reply["headers"].get("Content-Type") == media_type


@FORMS
def test_bytes_are_sent_as_they_are(v2: bool) -> None:
    reply = run_on(
        answering(HttpResponse(200, b"\x00\xff", {"Content-Type": "image/png"})), http_event(v2=v2)
    )

    assert reply["isBase64Encoded"] is True
    assert b64decode(reply["body"]) == b"\x00\xff"
    assert reply["headers"] == {"Content-Type": "image/png"}


MANY = HttpResponse(200, None, {"Link": ["<a>", "<b>"], "X-One": "1"}, cookies=["a=1; Secure", "b=2"])


def test_form_1_has_several_lines_of_a_header_and_cookies_among_them() -> None:
    reply = run_on(answering(MANY), http_event())

    assert reply == {
        "statusCode": 200,
        "body": "",
        "isBase64Encoded": False,
        "headers": {"X-One": "1"},
        "multiValueHeaders": {"Link": ["<a>", "<b>"], "Set-Cookie": ["a=1; Secure", "b=2"]},
    }


def test_form_2_joins_a_header_s_lines_and_lists_cookies() -> None:
    reply = run_on(answering(MANY), http_event(v2=True))

    assert reply == {
        "statusCode": 200,
        "body": "",
        "isBase64Encoded": False,
        "headers": {"X-One": "1", "Link": "<a>,<b>"},
        "cookies": ["a=1; Secure", "b=2"],
    }


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: HttpResponse(99), "HttpResponse: status is 99; say 200 to 599."),
        (lambda: HttpResponse("200"), "HttpResponse: status is '200'; say 200 to 599."),  # type: ignore[arg-type]  # a slip
        (
            lambda: HttpResponse(headers={"A": "b\r\nSet-Cookie: c=d"}),
            "HttpResponse: header 'A' is no token with a single line of ASCII text.",
        ),
        (lambda: HttpResponse(headers={"A": 1}), "HttpResponse: header 'A' is no ~"),  # type: ignore[dict-item]  # a slip
        (lambda: HttpResponse(headers={"": "a"}), "HttpResponse: header '' is no token ~"),
        (lambda: HttpResponse(headers={"X Foo": "a"}), "HttpResponse: header 'X Foo' is no token ~"),
        (lambda: HttpResponse(headers={"X:Y": "a"}), "HttpResponse: header 'X:Y' is no token ~"),
        (lambda: HttpResponse(headers={"X": "\u65e5"}), "HttpResponse: header 'X' is no ~ ASCII text."),
        (lambda: HttpResponse(headers={"set-cookie": "a=b"}), "HttpResponse: Set-Cookie is a header; say ~"),
        (
            lambda: HttpResponse(cookies=["a=b\n"]),
            "HttpResponse: a cookie is no single line of ASCII text; ~",
        ),
        (lambda: HttpResponse(cookies="a=b"), "HttpResponse: a cookie is no single line of ASCII text; ~"),
    ],
)
def test_a_response_that_could_not_be_sent_is_refused_where_it_is_made(
    make: Callable[[], Any], expected: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=says(expected)):
        make()


UNSAYABLE = {
    "no JSON": object(),
    "no JSON inside": {"a": {1, object()}},
    "a lone surrogate": "\ud800",
    "a lone surrogate inside": {"a": "\ud800"},
    "more than Lambda takes": {"a": "x" * REPLY_BYTES},
    "more than Lambda takes in base64": b"a" * 4_800_000,
}


@pytest.mark.parametrize("value", UNSAYABLE.values(), ids=UNSAYABLE)
@FORMS
def test_what_cannot_be_told_is_an_internal_error_in_the_caller_s_form(
    value: Any, v2: bool, caplog: pytest.LogCaptureFixture
) -> None:
    reply = run_on(answering(value), http_event(v2=v2))

    told = problem_of(reply)
    assert (told["status"], told["code"], told["correlationId"]) == (500, "INTERNAL", REQUEST_ID)
    assert ("cookies" in reply) is v2
    assert "cannot be told" in caplog.text


def test_a_reply_is_measured_after_base64() -> None:
    assert run_on(answering(b"a" * 4_700_000), http_event())["statusCode"] == 200


@FORMS
def test_a_header_in_two_spellings_is_one(v2: bool) -> None:
    reply = run_on(answering(HttpResponse(200, None, {"x-a": "1", "X-A": "2"})), http_event(v2=v2))

    assert reply["headers"] == ({"x-a": "1,2"} if v2 else {})
    assert reply.get("multiValueHeaders") == (None if v2 else {"x-a": ["1", "2"]})


@pytest.mark.parametrize(
    ("verdict", "status", "code", "retry_after"),
    [
        ("skip", 200, None, None),
        ("retry", 503, "TRY_AGAIN", "5"),
        ("retry_in", 503, "TRY_AGAIN", "30"),
        ("defer", 503, "TRY_AGAIN", "60"),
        ("bug", 503, "TRY_AGAIN", "5"),
        ("reject", 400, "TOLD_TO", None),
        ("refused", 502, "UPSTREAM_REFUSED", None),
        ("halt", 500, "INTERNAL", None),
    ],
)
@FORMS
def test_every_verdict_has_its_answer(
    verdict: str, status: int, code: str | None, retry_after: str | None, v2: bool
) -> None:
    reply = run_on(acting(), http_event({"verdict": verdict}, headers={"X-Correlation-Id": "c-1"}, v2=v2))

    assert reply["statusCode"] == status
    assert reply["headers"].get("Retry-After") == retry_after
    if code is None:
        assert reply["body"] == ""
    else:
        assert problem_of(reply) == {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "code": code,
            "correlationId": "c-1",
        }


@pytest.mark.parametrize(
    ("after_s", "told_s"), [(1e12, "86400"), (float("inf"), "86400"), (0, "1"), (-5, "1"), (1.2, "2")]
)
def test_whatever_time_a_worker_asks_for_callers_are_told_one_of_a_day_at_most(
    after_s: float, told_s: str
) -> None:
    @declared(ORDERS)
    def wait(_order: Order) -> None:
        """Ask for some time."""
        raise Retry(after_s)

    assert run_on(wait, http_event({}))["headers"]["Retry-After"] == told_s


def test_what_the_deadline_keeps_from_starting_is_to_be_tried_again() -> None:
    reply = run_on(acting(), http_event({}), remaining_s=0.5)

    assert problem_of(reply)["code"] == "TRY_AGAIN"


@pytest.mark.parametrize("status", [401, 404, 409, 422, 499])
def test_a_declaration_says_the_status_of_a_rejection(status: int) -> None:
    source = ApiGateway("POST /orders", statuses={"TOLD_TO": status})

    assert run_on(acting(source), http_event({"verdict": "reject"}))["statusCode"] == status


def test_a_caller_reads_nothing_that_the_worker_said_in_private() -> None:
    @declared(ORDERS)
    def refuse(_order: Order) -> None:
        """Refuse it."""
        raise Reject("OPTED_OUT", "jane@example.com wants no more of this")

    reply = run_on(refuse, http_event({}))

    assert problem_of(reply) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "code": "OPTED_OUT",
        "correlationId": REQUEST_ID,
    }


def test_a_caller_reads_what_a_rejection_tells_them() -> None:
    @declared(ORDERS)
    def refuse(_order: Order) -> None:
        """Refuse it."""
        raise Reject("OPTED_OUT", "jane@example.com wants no more of this", tell="They take no orders")

    assert problem_of(run_on(refuse, http_event({})))["detail"] == "They take no orders"


@pytest.mark.parametrize(
    "body", ["{", '{"id": 7}', "[]", '"\ud800"', "[" * 100_000, 7, ["a"], {"a": 1}], ids=str
)
@FORMS
def test_a_body_that_is_none_of_the_worker_s_is_400_in_the_gateway_s_words(body: Any, v2: bool) -> None:
    reply = run_on(acting(), {**http_event({}, v2=v2), "body": body})

    told = problem_of(reply)
    assert (told["status"], told["code"], told["detail"]) == (400, "UNDECODABLE", "Invalid request body")


def test_a_body_that_is_no_base64_is_400() -> None:
    reply = run_on(acting(), {**http_event({}), "body": "no base64!", "isBase64Encoded": True})

    assert problem_of(reply)["detail"] == "Invalid request body"


@FORMS
def test_required_parameters_are_refused_in_the_gateway_s_words_and_before_the_body(v2: bool) -> None:
    source = ApiGateway("POST /orders", required_query=("page", "tag"), required_headers=("X-Key",))
    given = {"query": {"page": "1", "tag": " "}, "headers": {"x-key": ""}}

    reply = run_on(acting(source), http_event("{", v2=v2, **given))  # type: ignore[arg-type]  # one of each

    told = problem_of(reply)
    assert (told["status"], told["code"]) == (400, "MISSING_PARAMETERS")
    assert told["detail"] == "Missing required request parameters: [tag, X-Key]"


@FORMS
def test_a_request_with_all_that_is_required_reaches_the_worker(v2: bool) -> None:
    source = ApiGateway("POST /orders", required_query=("page",), required_headers=("X-Key",))

    reply = run_on(acting(source), http_event({}, query={"page": "1"}, headers={"x-key": "k"}, v2=v2))

    assert reply["statusCode"] == 200


@pytest.mark.parametrize("body", [b"a" * 11, "a" * 11, "ä" * 6], ids=["base64", "text", "counted in bytes"])
def test_a_body_that_is_too_large_is_413_before_it_is_decoded(body: Any) -> None:
    small = ApiGateway("POST /orders", body_max_bytes=10)

    reply = run_on(acting(small), http_event(body))

    told = problem_of(reply)
    assert (told["status"], told["code"], told["detail"]) == (
        413,
        "BODY_TOO_LARGE",
        "The body has over 10 bytes",
    )


@pytest.mark.parametrize("encoded", [False, True], ids=["text", "base64"])
def test_a_body_that_is_too_large_is_refused_before_anything_reads_it(encoded: bool) -> None:
    unreadable = "\ud800" * 16  # neither base64 nor a text that could be encoded
    small = ApiGateway("POST /orders", body_max_bytes=9)

    reply = run_on(acting(small), {**http_event({}), "body": unreadable, "isBase64Encoded": encoded})

    assert problem_of(reply)["code"] == "BODY_TOO_LARGE"


@pytest.mark.parametrize("size", range(2, 13))
def test_a_body_of_base64_may_have_as_many_bytes_as_declared(size: int) -> None:
    fitting = ApiGateway("POST /orders", body_max_bytes=size)
    too_small = ApiGateway("POST /orders", body_max_bytes=size - 1)

    assert asked(http_event(b"a" * size), fitting).body == b"a" * size
    assert run_on(acting(too_small), http_event(b"a" * size))["statusCode"] == 413


def test_a_declaration_says_the_status_of_the_runtime_s_own_refusals_too() -> None:
    source = ApiGateway("POST /orders", body_max_bytes=10, statuses={"BODY_TOO_LARGE": 400})

    assert run_on(acting(source), http_event("a" * 11))["statusCode"] == 400


URL = ApiGateway("GET /orders/{id}", endpoint="url")


def test_a_function_url_finds_parameters_of_a_path_by_itself() -> None:
    request = asked(http_event(route="GET /orders/7", v2=True), URL)

    assert request.path_parameters == {"id": "7"}
    assert request.route == "/orders/{id}"


@pytest.mark.parametrize(
    ("path", "found"),
    [("b%2Fc%20d", "b/c d"), ("7+8", "7+8"), ("%C3%BC", "ü"), ("%ff", "\ufffd"), ("%", "%")],
)
def test_a_function_url_s_parameters_are_decoded_as_api_gateway_s_are(path: str, found: str) -> None:
    event = http_event(route="GET /orders/{id}", path=f"/orders/{path}", v2=True)

    assert asked(event, URL).path_parameters == {"id": found}


def test_an_http_api_s_path_is_decoded_once() -> None:
    event = http_event(route="GET /orders/{id}", path="/orders/100%25", v2=True)

    assert asked(event, ApiGateway("GET /orders/{id}", endpoint="http")).path_parameters == {"id": "100%25"}


@pytest.mark.parametrize(
    "route", ["POST /orders/7", "GET /orders", "GET /orders/", "GET /orders/7/lines", "GET /"]
)
def test_a_function_url_has_no_routes_so_what_nobody_declared_is_404(route: str) -> None:
    reply = run_on(answering(None, URL), http_event(route=route, v2=True))

    assert problem_of(reply)["code"] == "NO_SUCH_ROUTE"
    assert reply["statusCode"] == 404


@pytest.mark.parametrize("route", ["POST /orders/7", "GET /", "GET /favicon.ico"])
def test_a_function_url_with_several_routes_answers_404_too_and_asks_none_of_them(route: str) -> None:
    asked_for = []

    @declared(URL, ApiGateway("GET /orders", endpoint="url"))
    def answer(request: HttpRequest[bytes]) -> None:
        """Remember what came."""
        asked_for.append(request.route)

    reply = run_on(answer, {**http_event(route=route, v2=True), "routeKey": "$default"})

    assert problem_of(reply)["code"] == "NO_SUCH_ROUTE"
    assert reply["statusCode"] == 404
    assert asked_for == []


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (http_event(route="GET /orders/{id}", path="/orders/7"), "one"),
        (http_event(route="GET /orders"), "all"),
        (http_event(route="GET /orders/{id}", path="/orders/7", v2=True), "one"),
        (http_event(route="GET /orders", v2=True), "all"),
        ({**http_event(route="GET /orders/7", v2=True), "routeKey": "$default"}, "one"),
    ],
)
def test_of_several_routes_the_one_that_was_asked_for_takes_the_request(event: Any, expected: str) -> None:
    @declared(ApiGateway("GET /orders/{id}"), ApiGateway("GET /orders"))
    def answer(request: HttpRequest[bytes]) -> str:
        """Say which route it came by."""
        return "one" if request.route == "/orders/{id}" else "all"

    assert run_on(answer, event)["body"] == expected


SAMPLES = [
    ("powertools_apiGatewayProxyEventAnotherPath", "GET"),
    ("powertools_apiGatewayProxyEventNoOrigin", "GET"),
    ("powertools_apiGatewayProxyEventPathTrailingSlash", "GET"),
    ("powertools_apiGatewayProxyEventPrincipalId", "POST"),
    ("powertools_apiGatewayProxyOtherEvent", "GET"),
    ("powertools_apiGatewayProxyV2Event", "POST"),
    ("powertools_apiGatewayProxyV2EventPathTrailingSlash", "POST"),
    ("powertools_apiGatewayProxyV2LambdaAuthorizerEvent", "GET"),
    ("powertools_apiGatewayProxyV2OtherGetEvent", "GET"),
    ("powertools_apiGatewayProxyV2SchemaMiddlwareInvalidEvent", "POST"),
    ("powertools_apiGatewayProxyV2SchemaMiddlwareValidEvent", "POST"),
    ("powertools_lambdaFunctionUrlEventPathTrailingSlash", "POST"),
    ("powertools_lambdaFunctionUrlIAMEvent", "POST"),
    ("sam_apigateway_aws-proxy", "POST"),
]


@pytest.mark.parametrize(("name", "method"), SAMPLES, ids=[name for name, _ in SAMPLES])
def test_the_sample_requests_of_others_are_taken(name: str, method: str) -> None:
    event = sample(name)
    if event.get("isBase64Encoded") and event["body"] == "Hello from Lambda!":
        event["isBase64Encoded"] = False  # the sample's own slip

    request = asked(event, ApiGateway("ANY /{proxy+}"))

    assert request.method == method
    assert request.body == request.raw_body


def test_a_sample_s_every_part_is_read() -> None:
    request = asked(sample("powertools_apiGatewayProxyV2Event"), ApiGateway("ANY /{proxy+}"), dict[str, str])

    assert request.body == {"message": "hello world", "username": "tom"}
    assert request.values("parameter1") == ("value1", "value2")
    assert request.headers["header2"] == "value1,value2"
    assert request.cookies == {"cookie1": "", "cookie2": ""}
    assert request.claims == {"claim1": "value1", "claim2": "value2"}
    assert request.source_ip == "192.168.0.1/32"


@pytest.mark.parametrize(
    "name",
    [
        "powertools_albEvent",
        "powertools_albMultiValueQueryStringEvent",
        "sam_alb_request",
        "powertools_vpcLatticeEventPathTrailingSlash",
        "powertools_vpcLatticeV2Event",
        "powertools_apiGatewayAuthorizerRequestEvent",
        "powertools_apiGatewayAuthorizerV2Event",
        "sam_apigateway_request-authorizer",
        "powertools_sqsEvent",
        "powertools_appSyncResolverEvent",
    ],
)
def test_requests_of_load_balancers_and_others_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(UnrecognisedEvent, match=says("test.answer takes api_gateway POST /orders; this ~")):
        run_on(answering(None), sample(name))


def test_a_request_is_asked_of_the_route_before_whoever_may_invoke() -> None:
    @declared(Invoke(), ORDERS)
    def answer(order: Order) -> str:
        """Say what it is."""
        return order.id

    assert run_on(answer, http_event({"id": "7"}))["statusCode"] == 200
    assert run_on(answer, {"id": "7"}) == "7"


def replied(change: Callable[[Any], Any], *, v2: bool = False) -> Any:
    """Return the reply that leaves where middleware changes it."""
    middleware = Middleware("m", around_invocation=lambda call: lambda event: change(call(event)))
    loaded = ready(answering({"a": 1}), middleware=(middleware,))
    return run(loaded, http_event(v2=v2), context=Context(), sender=RecordingSender())


@FORMS
def test_middleware_may_add_headers_and_answer_otherwise(v2: bool) -> None:
    changed = replied(
        lambda reply: {**reply, "headers": {**reply["headers"], "X-Frame-Options": "DENY"}}, v2=v2
    )
    replaced = replied(lambda _: {"statusCode": 403, "body": "no"}, v2=v2)

    assert changed["headers"]["X-Frame-Options"] == "DENY"
    assert replaced["statusCode"] == 403


@pytest.mark.parametrize(
    ("change", "v2", "expected"),
    [
        (lambda _: None, False, "the reply is a NoneType of another shape than statusCode, headers, body; ~"),
        (lambda _: "hello", True, "the reply is a str of another shape ~"),
        (lambda _: {"body": "a"}, True, "~: its statusCode is None; say a number from 100 to 599."),
        (lambda r: {**r, "statusCode": "200"}, False, "~: its statusCode is '200'; ~"),
        (lambda r: {**r, "statusCode": True}, False, "~: its statusCode is True; ~"),
        (lambda r: {**r, "statusCode": 600}, False, "~: its statusCode is 600; ~"),
        (lambda r: {**r, "status": 1}, False, "~: API Gateway reads no status; leave it out."),
        (lambda r: {**r, "cookies": []}, False, "~: API Gateway reads no cookies; leave it out."),
        (lambda r: {**r, "multiValueHeaders": {}}, True, "~: API Gateway reads no multiValueHeaders; ~"),
        (
            lambda r: {**r, "headers": {"A": 1}},
            False,
            "~: its headers are no single lines of text by name; ~",
        ),
        (lambda r: {**r, "headers": ["A"]}, False, "~: its headers are no single lines of text by name; ~"),
        (lambda r: {**r, "headers": {"A": "b\r\nSet-Cookie: c=d"}}, True, "~: its headers are no single ~"),
        (lambda r: {**r, "headers": {"A B": "c"}}, True, "~: its headers are no single ~"),
        (lambda r: {**r, "multiValueHeaders": {"A": ["b\n"]}}, False, "~: its multiValueHeaders are no ~"),
        (lambda r: {**r, "cookies": ["a=b\r\nX: y"]}, True, "~: its cookies are no list of single ~"),
        (lambda r: {**r, "multiValueHeaders": {"A": "b"}}, False, "~: its multiValueHeaders are no lists ~"),
        (lambda r: {**r, "cookies": "a=b"}, True, "~: its cookies are no list of single lines of text; ~"),
        (lambda r: {**r, "body": {"a": 1}}, False, "~: its body is a dict; say a text."),
        (
            lambda r: {**r, "isBase64Encoded": "no"},
            False,
            "~: its isBase64Encoded is neither true nor false; ~",
        ),
        (lambda r: {**r, "isBase64Encoded": True}, False, "~: its body is no base64; ~"),
    ],
)
def test_middleware_makes_no_reply_that_api_gateway_would_read_as_something_else(
    change: Any, v2: bool, expected: str
) -> None:
    with pytest.raises(ReplyRefused, match=says(expected)):
        replied(change, v2=v2)


def answered_instead(reply: Any, *, v2: bool) -> Any:
    """Return the reply that leaves where middleware answers without asking the worker."""
    middleware = Middleware("m", around_invocation=lambda _: lambda _: reply)
    loaded = ready(answering(None), middleware=(middleware,))
    return run(loaded, http_event(v2=v2), context=Context(), sender=RecordingSender())


@FORMS
def test_middleware_may_answer_in_the_worker_s_place_in_the_gateway_s_shape(v2: bool) -> None:
    assert answered_instead({"statusCode": 204}, v2=v2)["statusCode"] == 204
    with pytest.raises(ReplyRefused):
        answered_instead({"ok": True}, v2=v2)


@pytest.mark.parametrize(
    ("part", "v2"),
    [
        ({"cookies": ["a=b"]}, False),
        ({"multiValueHeaders": {"A": ["b"]}}, True),
        ({"headers": {"A": "b\r\nC: d"}}, True),
    ],
)
def test_what_middleware_answers_instead_is_of_the_request_s_own_form(part: Any, v2: bool) -> None:
    with pytest.raises(ReplyRefused, match="middleware made a reply that API Gateway cannot read"):
        answered_instead({"statusCode": 200, **part}, v2=v2)


JUNK = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("\ud800")
ANY_JUNK = JUNK | st.lists(JUNK, max_size=3) | st.dictionaries(st.text(max_size=5), JUNK, max_size=3)


def places(event: Any, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """List where the fields of an event stand, the inner ones too."""
    if not isinstance(event, dict):
        return []
    return [each for name, held in event.items() for each in ((*at, name), *places(held, (*at, name)))]


def replaced(event: Any, place: tuple[str, ...], junk: Any) -> Any:
    """Return an event with one field's value exchanged."""
    name, *inner = place
    return {**event, name: replaced(event[name], tuple(inner), junk) if inner else junk}


FULL = {
    v2: http_event(
        {"id": "7", "correlationId": "c-1"},
        path_parameters={"id": "7"},
        query={"a": ["1", "2"]},
        headers={"X-Correlation-Id": "c-1", "Cookie": "a=b"},
        authorizer={"jwt": {"claims": {"sub": "u"}}, "lambda": {}, "iam": {}},
        v2=v2,
    )
    for v2 in (False, True)
}
PLACES = [(v2, place) for v2, event in FULL.items() for place in places(event)]


@given(st.sampled_from(PLACES), ANY_JUNK)
def test_whatever_stands_in_a_field_the_caller_gets_an_answer_or_the_event_is_refused(
    where: tuple[bool, tuple[str, ...]], junk: Any
) -> None:
    @declared(ApiGateway("ANY /{proxy+}", required_query=("a",)))
    def answer(record: Record[HttpRequest[Order]]) -> Any:
        """Read all there is."""
        request = record.body
        return [str(request), *request.values("a"), *request.headers, *request.cookies, str(record.sent_at)][
            :1
        ]

    try:
        reply = run_on(answer, replaced(FULL[where[0]], where[1], junk))
    except UnrecognisedEvent:
        assert where[1][0] in ("version", "requestContext", "resource", "httpMethod")
    else:
        assert reply["statusCode"] in (200, 400)


@given(st.binary(max_size=50) | st.text(max_size=50).map(lambda text: text.encode(errors="replace")))
def test_whatever_the_body_the_caller_gets_an_answer(body: bytes) -> None:
    assert run_on(acting(), http_event(body))["statusCode"] in (200, 400)


SECRET = b"secret"


class Webhook(Struct):
    event_id: str


@worker(
    ApiGateway(
        "POST /webhook", required_headers=("X-IDV-Signature",), body=Webhook, statuses={"SIGNATURE": 401}
    ),
    stack=SHOP,
    timeout_s=10,
)
def take_webhook(request: HttpRequest[bytes]) -> None:
    """Take what a provider tells, once its signature holds."""
    signed = hmac.new(SECRET, request.raw_body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(request.headers["X-IDV-Signature"], signed):
        raise Reject("SIGNATURE")


@pytest.mark.parametrize("body", ['{"a": "ü"}', '{"a": "ü"}'.encode()], ids=["text", "base64"])
def test_a_webhook_s_signature_is_of_the_bytes_that_were_sent(body: Any) -> None:
    sent = body if isinstance(body, bytes) else body.encode()
    signature = hmac.new(SECRET, sent, hashlib.sha256).hexdigest()

    def replying(signed: str) -> Any:
        event = http_event(body, route="POST /webhook", headers={"x-idv-signature": signed})
        return run_on(take_webhook, event)["statusCode"]

    assert (replying(signature), replying("0" * 64)) == (200, 401)


def test_the_same_worker_is_tested_by_a_plain_call() -> None:
    with pytest.raises(Reject, match="SIGNATURE"):
        take_webhook(HttpRequest(body=b"{}", raw_body=b"{}", headers={"X-IDV-Signature": "0"}))


GREETING = """
    from worker_runtime import ApiGateway, HttpRequest, HttpResponse, Stack, worker

    @worker(ApiGateway("GET /greetings/{name}"), stack=Stack("shop"), timeout_s=10)
    def work(request: HttpRequest[bytes]) -> HttpResponse:
        \"\"\"Greet somebody.\"\"\"
        return HttpResponse(200, f"hello {request.path_parameters['name']}")
"""


COLD = """
import sys
from worker_runtime import ApiGateway, HttpRequest, Stack, worker
@worker(ApiGateway("GET /", body=dict), stack=Stack("shop"), timeout_s=10)
def answer(request: HttpRequest[bytes]) -> None:
    'Answer.'
print(*sys.modules)
"""


def test_a_cold_start_in_lambda_brings_nothing_that_only_declaring_or_failing_needs() -> None:
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", COLD],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"},
    )

    brought = set(done.stdout.split())
    assert "worker_runtime.sources.api_gateway" in brought
    checks = {f"worker_runtime.sources.{name}" for name in ("route_checks", "request_models", "http_replies")}
    assert not brought & {*checks, "urllib.parse", "http", "pydantic", "boto3", "asyncio"}


@pytest.fixture
def unconfigured() -> Iterator[None]:
    """Leave the logs as they were."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("unconfigured")
def test_a_request_comes_through_lambda_s_door(installed_plugin: Site) -> None:
    installed_plugin.install_plugin("shop", worker=GREETING)
    event = http_event(route="GET /greetings/{name}", path_parameters={"name": "Ann"}, v2=True)

    with import_path(installed_plugin.folder):
        handler = open_door({"APP_NAME": "shop.work"}, at_end=lambda _: None)
        reply = handler(event, Context())

    assert (reply["statusCode"], reply["body"]) == (200, "hello Ann")
