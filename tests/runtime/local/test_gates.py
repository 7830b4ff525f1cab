"""Authorizers before the routes of a stage: whom they let in, what the others hear, what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from behind_apis import GoneCallee, ScriptedCallee, call, served
from conformance import sample
from worker_runtime import ApiGateway, TokenAuthorizer
from worker_runtime.clock import SteppedClock
from worker_runtime.local.stage.apis.api_routes import ApiRoute, ApiRoutes
from worker_runtime.local.stage.apis.gates import HttpGate, RestGate, ShutGate
from worker_runtime.local.stage.apis.gateway_errors import HTTP_FAILED, REST_AUTHORIZER_MALFORMED
from worker_runtime.local.stage.apis.http_api import HttpApi, RestApi

if TYPE_CHECKING:
    from behind_apis import Told
    from worker_runtime.local.stage.apis.callee import Callee
    from worker_runtime.local.stage.apis.gates import Gate

NOW = 1_583_348_638.0
ANY = "arn:aws:execute-api:us-east-1:000000000000:shop/local/*"
TOKEN = [("Authorization", "Bearer t")]


def policy(*statements: tuple[str, str], **context: Any) -> dict[str, Any]:
    listed = [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": on} for effect, on in statements]
    return {
        "principalId": "u-1",
        "policyDocument": {"Version": "2012-10-17", "Statement": listed},
        "context": context,
    }


class Guarded:
    """An API of the one route ``GET /orders/{id}`` behind an authorizer."""

    def __init__(self, kind: str, authorizer: Callee, *, cache_s: int = 0, gate: Gate | None = None) -> None:
        self.clock = SteppedClock(NOW)
        self.orders = ScriptedCallee(lambda _: {"statusCode": 200, "body": "done"})
        source = TokenAuthorizer("token", endpoint=kind, cache_s=cache_s)  # type: ignore[arg-type]  # one of the two
        made = (RestGate if kind == "rest" else HttpGate)(
            source, callee=authorizer, clock=self.clock, region="us-east-1", api_id="shop"
        )
        route = ApiRoute("shop.order", 10, ApiGateway("GET /orders/{id}", endpoint=kind, authorizer="token"))  # type: ignore[arg-type]  # one of the two
        api = RestApi if kind == "rest" else HttpApi
        self._api = api(
            "shop",
            routes=ApiRoutes([route]),
            callees={"shop.order": self.orders},
            gates={"token": gate or made},
        )

    def ask(self, *headers: tuple[str, str], target: str = "/orders/7") -> Told:
        with served(self._api, clock=self.clock) as server:
            return call(server.url, target, headers=headers)


# --- REST APIs


def test_a_rest_authorizer_is_asked_about_the_token_and_lets_its_bearer_in() -> None:
    authorizer = ScriptedCallee(lambda _: policy(("Allow", ANY), sub="u-1", admin=True, level=3, nested={}))
    api = Guarded("rest", authorizer)

    answer = api.ask(*TOKEN)

    assert answer.status == 200
    assert authorizer.events == [
        {
            "type": "TOKEN",
            "authorizationToken": "Bearer t",
            "methodArn": "arn:aws:execute-api:us-east-1:000000000000:shop/local/GET/orders/7",
        }
    ]
    assert api.orders.events[0]["requestContext"]["authorizer"] == {
        "sub": "u-1",
        "admin": "true",
        "level": "3",
        "principalId": "u-1",
        "integrationLatency": 0,
    }


def unauthorized(_: Any) -> None:
    raise Exception("Unauthorized")  # noqa: TRY002 - the API Gateway guide's words


def broken(_: Any) -> None:
    raise RuntimeError("the key set cannot be reached")


DENIED = "User is not authorized to access this resource with an explicit deny"
OTHER = ANY.replace("/*", "/GET/others/*")
REST = [
    (unauthorized, 401, {"message": "Unauthorized"}),
    (broken, 500, {"message": None}),
    (lambda _: {"isAuthorized": True}, 500, {"message": "Internal server error"}),
    (lambda _: policy(("Deny", ANY)), 403, {"Message": DENIED}),
    (lambda _: policy(("Allow", ANY), ("Deny", ANY)), 403, {"Message": DENIED}),
    (lambda _: policy(("Allow", OTHER)), 403, {"Message": "User is not authorized to access this resource"}),
    (lambda _: policy(), 403, {"Message": "User is not authorized to access this resource"}),
]


@pytest.mark.parametrize(("said", "status", "body"), REST)
def test_whom_a_rest_authorizer_does_not_let_in_hears_it_as_aws_says_it(
    said: Any, status: int, body: dict[str, Any]
) -> None:
    api = Guarded("rest", ScriptedCallee(said))

    answer = api.ask(*TOKEN)

    assert (answer.status, answer.json()) == (status, body)
    assert api.orders.events == []


# --- HTTP APIs


def test_an_http_authorizer_is_handed_the_request_and_lets_its_bearer_in() -> None:
    authorizer = ScriptedCallee(lambda _: {"isAuthorized": True, "context": {"sub": "u-1"}})
    api = Guarded("http", authorizer)

    answer = api.ask(("authorization", "t"), ("Cookie", "a=1"), target="/orders/7?x=1")

    (event,), recorded = authorizer.events, sample("powertools_apiGatewayAuthorizerV2Event")
    assert answer.status == 200
    assert recorded.keys() - event.keys() == {"stageVariables"}
    assert event["identitySource"] == ["t"]
    assert event["routeArn"] == "arn:aws:execute-api:us-east-1:000000000000:shop/$default/GET/orders/7"
    assert TokenAuthorizer("token", endpoint="http").recognises(event)
    assert api.orders.events[0]["requestContext"]["authorizer"] == {"lambda": {"sub": "u-1"}}


HTTP = [
    (broken, 500, {"message": "Internal Server Error"}),
    (unauthorized, 500, {"message": "Internal Server Error"}),
    (lambda _: {"isAuthorized": "true"}, 500, {"message": "Internal Server Error"}),
    (lambda _: {"isAuthorized": False}, 403, {"message": "Forbidden"}),
]


@pytest.mark.parametrize(("said", "status", "body"), HTTP)
def test_whom_an_http_authorizer_does_not_let_in_hears_it_as_aws_says_it(
    said: Any, status: int, body: dict[str, Any]
) -> None:
    api = Guarded("http", ScriptedCallee(said))

    answer = api.ask(*TOKEN)

    assert (answer.status, answer.json()) == (status, body)
    assert api.orders.events == []


# --- both


KINDS = pytest.mark.parametrize(
    ("kind", "said"),
    [("rest", policy(("Allow", ANY))), ("http", {"isAuthorized": True})],
    ids=["rest", "http"],
)


@KINDS
def test_a_request_without_a_token_is_refused_and_nobody_is_asked(kind: str, said: Any) -> None:
    authorizer = ScriptedCallee(lambda _: said)

    answer = Guarded(kind, authorizer).ask()

    assert (answer.status, answer.json()) == (401, {"message": "Unauthorized"})
    assert authorizer.events == []


@KINDS
def test_an_authorizer_s_word_is_kept_for_its_token_and_its_time(kind: str, said: Any) -> None:
    authorizer = ScriptedCallee(lambda _: said)
    api = Guarded(kind, authorizer, cache_s=60)

    asked = []
    for token, passed_s in (("a", 0), ("a", 59), ("b", 0), ("a", 2)):
        api.clock.sleep(passed_s)
        assert api.ask(("Authorization", token)).status == 200
        asked.append(len(authorizer.events))

    assert asked == [1, 1, 2, 3]


def test_a_policy_that_is_kept_decides_for_each_route_anew() -> None:
    authorizer = ScriptedCallee(lambda _: policy(("Allow", ANY.replace("/*", "/GET/orders/7"))))
    api = Guarded("rest", authorizer, cache_s=60)

    statuses = [api.ask(*TOKEN, target=each).status for each in ("/orders/7", "/orders/8")]

    assert (statuses, len(authorizer.events)) == ([200, 403], 1)


@KINDS
def test_a_failure_is_not_kept(kind: str, said: Any) -> None:
    authorizer = ScriptedCallee(broken)
    api = Guarded(kind, authorizer, cache_s=60)

    failed = api.ask(*TOKEN)
    authorizer.handle = lambda _: said

    assert (failed.status, api.ask(*TOKEN).status) == (500, 200)


@pytest.mark.parametrize(
    ("kind", "refusal", "body"),
    [
        ("rest", REST_AUTHORIZER_MALFORMED, {"message": "Internal server error"}),
        ("http", HTTP_FAILED, {"message": "Internal Server Error"}),
    ],
)
def test_a_route_whose_authorizer_is_not_staged_answers_500(kind: str, refusal: Any, body: Any) -> None:
    api = Guarded(kind, GoneCallee(), gate=ShutGate(refusal))

    answer = api.ask(*TOKEN)

    assert (answer.status, answer.json()) == (500, body)
