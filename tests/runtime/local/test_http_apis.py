"""REST APIs, HTTP APIs and function URLs of a stage: what workers are handed, what callers get."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import Struct

from behind_apis import GoneCallee, ScriptedCallee, call, served
from conformance import sample
from worker_runtime import ApiGateway
from worker_runtime.clock import SteppedClock
from worker_runtime.local.stage.apis.api_routes import ApiRoute, ApiRoutes, RouteTaken
from worker_runtime.local.stage.apis.http_api import FunctionUrl, HttpApi, RestApi
from worker_runtime.local.stage.execution.answers import Throttled, timed_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from behind_apis import Told
    from worker_runtime.local.stage.apis.api_server import Api

NOW = 1_583_348_638.39
KINDS = pytest.mark.parametrize("kind", ["rest", "http", "url"])
OK = {"statusCode": 200, "body": "done"}


class Order(Struct):
    """What a body is to be."""

    id: str


def api_of(kind: str, *callees: tuple[ApiGateway, Any], timeout_s: float = 10) -> Api:
    routes = [ApiRoute(f"shop.w{at}", timeout_s, source) for at, (source, _) in enumerate(callees)]
    by_id = {f"shop.w{at}": callee for at, (_, callee) in enumerate(callees)}
    match kind:
        case "rest":
            return RestApi("shop", routes=ApiRoutes(routes), callees=by_id, gates={})
        case "http":
            return HttpApi("shop", routes=ApiRoutes(routes), callees=by_id, gates={})
    return FunctionUrl("shop", callee=callees[0][1])


def told(
    kind: str,
    handle: Callable[[Any], Any],
    *,
    route: str = "ANY /{all+}",
    timeout_s: float = 10,
    **asked: Any,
) -> Told:
    """Ask an API of one route, behind which ``handle`` stands."""
    api = api_of(kind, (ApiGateway(route, endpoint=kind), ScriptedCallee(handle)), timeout_s=timeout_s)  # type: ignore[arg-type]  # one of the three
    with served(api, clock=SteppedClock(NOW)) as server:
        return call(server.url, asked.pop("target", "/orders/7"), **asked)


def handed(kind: str, *, route: str = "ANY /orders/{id}", **asked: Any) -> Any:
    """Return the event that a request becomes."""
    callee = ScriptedCallee(lambda _: OK)
    source = ApiGateway(route, endpoint=kind, **asked.pop("settings", {}))  # type: ignore[arg-type]  # one of the three
    with served(api_of(kind, (source, callee)), clock=SteppedClock(NOW)) as server:
        call(server.url, asked.pop("target", "/orders/7"), **asked)
    return callee.events[0]


def outline(value: Any) -> Any:
    """Reduce an event to its fields and their kinds; a caller's own headers and queries are its own."""
    if isinstance(value, dict):
        return {name: outline(each) for name, each in value.items()}
    return type(value).__name__


# --- what a worker is handed


def test_a_rest_api_hands_over_every_field_that_aws_does() -> None:
    event = handed(
        "rest",
        route="POST /{proxy+}",
        settings={"binary_types": ("*/*",)},
        target="/path/to/resource?foo=bar",
        method="POST",
        body=b'{"test":"body"}',
        headers=[("Content-Type", "application/json")],
    )

    recorded = sample("sam_apigateway_aws-proxy")
    own = ("headers", "multiValueHeaders", "pathParameters", "queryStringParameters", "stageVariables")
    own_context = {"domainName", "domainPrefix", "extendedRequestId"}
    assert event.keys() == recorded.keys()
    assert event["requestContext"].keys() - own_context == recorded["requestContext"].keys()
    assert recorded["requestContext"]["identity"].keys() - event["requestContext"]["identity"].keys() == set()
    same = {name for name in recorded if name not in (*own, "requestContext", "body")}
    assert {name: event[name] for name in same} == {name: recorded[name] for name in same}
    assert event["body"] == b64encode(b'{"test":"body"}').decode()
    assert event["pathParameters"] == {"proxy": "path/to/resource"}


def test_an_http_api_hands_over_every_field_that_aws_does() -> None:
    event = handed(
        "http",
        route="POST /my/{parameter1}",
        target="/my/path?parameter1=value1&parameter1=value2&parameter2=value",
        method="POST",
        body=b"{}",
        headers=[
            ("Content-Type", "application/json"),
            ("Cookie", "cookie1; cookie2"),
            ("Header2", "value1"),
            ("header2", "value2"),
        ],
    )

    recorded = sample("powertools_apiGatewayProxyV2Event")
    assert recorded.keys() - event.keys() == {"stageVariables"}
    assert recorded["requestContext"].keys() - event["requestContext"].keys() == {
        "authentication",
        "authorizer",
    }
    assert event["requestContext"]["http"].keys() == recorded["requestContext"]["http"].keys()
    for name in (
        "version",
        "rawPath",
        "rawQueryString",
        "queryStringParameters",
        "cookies",
        "isBase64Encoded",
    ):
        assert event[name] == recorded[name]
    assert event["headers"]["header2"] == "value1,value2"
    assert "cookie" not in event["headers"]
    assert event["routeKey"] == "POST /my/{parameter1}"
    assert event["requestContext"]["timeEpoch"] == recorded["requestContext"]["timeEpoch"]
    assert event["requestContext"]["time"] == "04/Mar/2020:19:03:58 +0000"


def test_a_function_url_hands_paths_over_as_they_were_sent() -> None:
    event = handed("url", target="/a%2Fb/ü?x=1+2&x=%20".replace("ü", "%C3%BC"))

    assert event["rawPath"] == "/a%2Fb/%C3%BC"
    assert event["rawQueryString"] == "x=1+2&x=%20"
    assert event["queryStringParameters"] == {"x": "1 2, "}
    assert event["routeKey"] == event["requestContext"]["stage"] == "$default"
    assert "pathParameters" not in event


@pytest.mark.parametrize(("kind", "path"), [("rest", "/orders/a b%"), ("http", "/orders/a b%25")])
def test_apis_undo_the_escapes_of_a_path_and_of_its_parameters(kind: str, path: str) -> None:
    event = handed(kind, target="/orders/a%20b%25")

    assert event.get("path", event.get("rawPath")) == path
    assert event["pathParameters"] == {"id": "a b%"}


def test_headers_of_a_rest_api_keep_their_case_and_all_their_lines() -> None:
    event = handed("rest", headers=[("X-Tag", "a"), ("x-tag", "b")])

    assert event["headers"]["X-Tag"] == "b"
    assert event["multiValueHeaders"]["X-Tag"] == ["a", "b"]


def test_a_query_parameter_that_comes_again_keeps_all_its_values() -> None:
    event = handed("rest", target="/orders/7?tag=a&tag=b&empty=")

    assert event["queryStringParameters"] == {"tag": "b", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"tag": ["a", "b"], "empty": [""]}


@pytest.mark.parametrize(
    ("kind", "media_type", "encoded"),
    [
        ("rest", "image/png", True),
        ("rest", "application/json", False),
        ("http", "application/json; charset=utf-8", False),
        ("http", "text/csv", False),
        ("http", "image/png", True),
        ("http", "application/x-www-form-urlencoded", True),
        ("url", "", True),
    ],
)
def test_a_body_that_is_no_text_is_handed_over_as_base64(
    kind: str, media_type: str, *, encoded: bool
) -> None:
    headers = [("Content-Type", media_type)] if media_type else []
    event = handed(
        kind,
        settings={"binary_types": ("image/png",)},
        method="POST",
        body=b"\x00a",
        headers=headers,
    )

    assert event["isBase64Encoded"] is encoded
    assert event["body"] == (b64encode(b"\x00a").decode() if encoded else "\x00a")


@KINDS
def test_a_trace_that_a_caller_began_goes_on(kind: str) -> None:
    event = handed(kind, headers=[("X-Amzn-Trace-Id", "Root=1-2-3")])

    assert [value for name, value in event["headers"].items() if name.lower() == "x-amzn-trace-id"] == [
        "Root=1-2-3"
    ]


# --- which worker


@pytest.mark.parametrize("kind", ["rest", "http"])
def test_the_most_specific_route_takes_a_request(kind: str) -> None:
    sources = ["ANY /{all+}", "GET /orders/{id}", "ANY /orders/{id}", "GET /orders/new"]
    callees = [(ApiGateway(each, endpoint=kind), ScriptedCallee(lambda _: OK)) for each in sources]  # type: ignore[arg-type]  # one of them

    with served(api_of(kind, *callees), clock=SteppedClock(NOW)) as server:
        for method, target in (
            ("GET", "/orders/new"),
            ("GET", "/orders/7/"),
            ("PUT", "/orders/7"),
            ("GET", "/a/b"),
        ):
            call(server.url, target, method=method)

    assert [len(callee.events) for _, callee in callees] == [1, 1, 1, 1]
    assert [callee.events[0].get("path", callee.events[0].get("rawPath")) for _, callee in callees] == [
        "/a/b",
        "/orders/7/",
        "/orders/7",
        "/orders/new",
    ]


def test_a_request_that_no_route_takes_is_answered_as_aws_does() -> None:
    rest = told("rest", lambda _: OK, route="POST /orders")
    http_api = told("http", lambda _: OK, route="POST /orders")

    assert (rest.status, rest.json()) == (403, {"message": "Missing Authentication Token"})
    assert rest.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    assert (http_api.status, http_api.json()) == (404, {"message": "Not Found"})


def test_two_workers_cannot_answer_one_route() -> None:
    routes = [ApiRoute(name, 10, ApiGateway("GET /orders")) for name in ("a.one", "b.two")]

    with pytest.raises(RouteTaken, match=r"a\.one and b\.two both answer 'GET /orders' of one API"):
        ApiRoutes(routes)


# --- what a caller gets


@KINDS
def test_a_caller_gets_the_worker_s_status_headers_and_body(kind: str) -> None:
    reply = {"statusCode": 418, "headers": {"X-Kind": "tea", "Content-Type": "text/x-tea"}, "body": "short"}

    answer = told(kind, lambda _: reply)

    assert (answer.status, answer.body) == (418, b"short")
    assert (answer.headers["x-kind"], answer.headers["content-type"]) == ("tea", "text/x-tea")


@pytest.mark.parametrize(
    ("kind", "header"),
    [("rest", "x-amzn-requestid"), ("http", "apigw-requestid"), ("url", "x-amzn-requestid")],
)
def test_a_caller_is_told_what_the_request_is_called(kind: str, header: str) -> None:
    seen = []

    def note(event: Any) -> Any:
        seen.append(event["requestContext"]["requestId"])
        return OK

    answer = told(kind, note)

    assert seen == [answer.headers[header]]


def test_each_cookie_is_a_line_of_its_own() -> None:
    v1 = told("rest", lambda _: {**OK, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}})
    v2 = told("http", lambda _: {**OK, "cookies": ["a=1", "b=2"]})

    for answer in (v1, v2):
        assert [value for name, value in answer.lines if name == "Set-Cookie"] == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("kind", "accept", "body"),
    [
        ("rest", "image/png", b"\x00\xff"),
        ("rest", "image/png;q=0.9, text/html", b"\x00\xff"),
        ("rest", "text/html", b"AP8="),
        ("http", "text/html", b"\x00\xff"),
        ("url", "text/html", b"\x00\xff"),
    ],
)
def test_base64_is_undone_for_who_takes_bytes(kind: str, accept: str, body: bytes) -> None:
    reply = {"statusCode": 200, "body": "AP8=", "isBase64Encoded": True}
    source = ApiGateway("GET /orders/{id}", endpoint=kind, binary_types=("image/png",))  # type: ignore[arg-type]  # one of the three

    with served(api_of(kind, (source, ScriptedCallee(lambda _: reply))), clock=SteppedClock(NOW)) as server:
        answer = call(server.url, "/orders/7", headers=[("Accept", accept)])

    assert answer.body == body


@pytest.mark.parametrize(
    ("kind", "status", "told_body"),
    [
        ("rest", 502, b'{"message":"Internal server error"}'),
        ("http", 500, b'{"message":"Internal Server Error"}'),
        ("url", 502, b"Internal Server Error"),
    ],
)
def test_an_error_s_own_text_never_reaches_the_caller(kind: str, status: int, told_body: bytes) -> None:
    def fail(_: Any) -> None:
        raise KeyError("the table is called prd3292")

    answer = told(kind, fail)

    assert (answer.status, answer.body) == (status, told_body)


@pytest.mark.parametrize(("kind", "status"), [("rest", 500), ("http", 503), ("url", 429)])
def test_a_throttle_is_told_as_aws_tells_it(kind: str, status: int) -> None:
    answer = told(kind, lambda _: Throttled())

    assert answer.status == status


@pytest.mark.parametrize(
    ("kind", "timeout_s", "status", "message"),
    [
        ("rest", 10, 502, "Internal server error"),
        ("rest", 29, 504, "Endpoint request timed out"),
        ("http", 10, 500, "Internal Server Error"),
        ("http", 30, 503, "Service Unavailable"),
    ],
)
def test_a_worker_that_times_out_is_told_as_aws_tells_it(
    kind: str, timeout_s: float, status: int, message: str
) -> None:
    answer = told(kind, lambda _: timed_out("id", timeout_s=timeout_s), timeout_s=timeout_s)

    assert (answer.status, answer.json()) == (status, {"message": message})


MALFORMED: list[Any] = [
    {"statusCode": "200"},
    {"statusCode": 99},
    {"statusCode": 200, "body": {"a": 1}},
    {"statusCode": 200, "headers": ["a"]},
    {"statusCode": 200, "headers": {"a": ["b"]}},
]


@KINDS
@pytest.mark.parametrize("reply", MALFORMED, ids=str)
def test_a_reply_that_no_api_can_read_is_an_error(kind: str, reply: Any) -> None:
    assert told(kind, lambda _: reply).status == (500 if kind == "http" else 502)


@pytest.mark.parametrize("reply", [None, "text", {"id": 7}, [1]], ids=str)
def test_form_2_0_takes_a_reply_without_a_status_for_the_body(reply: Any) -> None:
    rest, http_api = told("rest", lambda _: reply), told("http", lambda _: reply)

    assert rest.status == 502
    assert (http_api.status, http_api.headers["content-type"]) == (200, "application/json")
    assert http_api.body.decode() == (
        reply if isinstance(reply, str) else json.dumps(reply, separators=(",", ":"))
    )


@pytest.mark.parametrize(
    ("kind", "message"),
    [("rest", "Request Too Long"), ("http", "Request Entity Too Large"), ("url", "Request ~")],
)
def test_a_request_that_lambda_cannot_take_is_refused(kind: str, message: str) -> None:
    body = b"x" * 6_300_000

    answer = told(kind, lambda _: OK, method="POST", body=body, headers=[("Content-Type", "text/plain")])

    assert answer.status == 413
    assert answer.json()["message"].startswith(message.rstrip("~"))


@KINDS
def test_a_caller_whose_stage_is_taken_down_is_hung_up_on(kind: str) -> None:
    api = api_of(kind, (ApiGateway("GET /orders/{id}", endpoint=kind), GoneCallee()))  # type: ignore[arg-type]  # one of the three

    with served(api, clock=SteppedClock(NOW)) as server, pytest.raises(http.client.RemoteDisconnected):
        call(server.url, "/orders/7")


def test_a_stage_is_busy_while_a_caller_waits() -> None:
    seen = []

    def look(_: Any) -> Any:
        seen.append(server.busy())
        return OK

    api = api_of("rest", (ApiGateway("GET /orders/{id}"), ScriptedCallee(look)))
    with served(api, clock=SteppedClock(NOW)) as server:
        call(server.url, "/orders/7")
        after = server.busy()

    assert (seen, after) == ([True], False)


# --- what a REST API checks itself


@pytest.mark.parametrize(
    ("target", "headers", "body", "message"),
    [
        ("/orders", [], b"{}", "Missing required request parameters: [tag, X-Sig]"),
        ("/orders?tag=", [("X-Sig", "s")], b"{}", "Missing required request parameters: [tag]"),
        ("/orders?tag=a", [("x-sig", "s")], b'{"id": 7}', "Invalid request body"),
        ("/orders?tag=a", [("x-sig", "s")], b"", "Invalid request body"),
        ("/orders?tag=a", [("x-sig", "s")], b"{", "Invalid request body"),
    ],
)
def test_a_rest_api_refuses_what_its_route_does_not_take(
    target: str, headers: list[tuple[str, str]], body: bytes, message: str
) -> None:
    callee = ScriptedCallee(lambda _: OK)
    source = ApiGateway("POST /orders", required_query=("tag",), required_headers=("X-Sig",), body=Order)

    with served(api_of("rest", (source, callee)), clock=SteppedClock(NOW)) as server:
        answer = call(server.url, target, method="POST", headers=headers, body=body)

    assert (answer.status, answer.json()) == (400, {"message": message})
    assert callee.events == []


def test_a_rest_api_holds_only_json_against_a_model() -> None:
    callee = ScriptedCallee(lambda _: OK)

    with served(
        api_of("rest", (ApiGateway("POST /orders", body=Order), callee)), clock=SteppedClock(NOW)
    ) as server:
        json_body = call(server.url, "/orders", method="POST", body=b'{"id": "7"}')
        form = call(
            server.url, "/orders", method="POST", body=b"id", headers=[("Content-Type", "text/plain")]
        )

    assert (json_body.status, form.status, len(callee.events)) == (200, 200, 2)
