"""Lambda authorizers of API Gateway: whose token it is, told as a policy, a flag or "Unauthorized"."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from conformance import sample
from verdicts import act
from wording import says
from worker_runtime import (
    ApiGateway,
    AppSyncAuthorizer,
    Authorization,
    Invoke,
    Middleware,
    Record,
    Stack,
    TokenAuthorizer,
    Worker,
    worker,
)
from worker_runtime.errors import BatchFailed, DeclarationError, ReplyRefused, UnrecognisedEvent
from worker_runtime.runtime import run
from worker_runtime.testing import (
    Context,
    RecordingSender,
    authorizer_event,
    http_event,
    ready,
    run_on,
    sqs_event,
    token_event,
)

declared = partial(worker, stack=Stack("auth"), timeout_s=10)
USERS = TokenAuthorizer("users")
STAGE = "arn:aws:execute-api:us-east-1:000000000000:abcdef1234/test/*"


class Presented(Struct):
    token: str


class Bearer(Authorization, frozen=True, kw_only=True):
    iss: str = ""
    exp: int = 0


@declared(USERS, AppSyncAuthorizer("users"), Invoke())
def validate_token(presented: Presented) -> Bearer:
    """Say whose token it is; the token of a verdict does what it says."""
    if presented.token.startswith("Bearer "):
        return Bearer(valid=True, sub="u-1", iss="us", exp=7)
    act(presented.token)
    return Bearer(valid=False, reason="EXPIRED")


def saying(value: Any) -> Worker[..., Any]:
    @declared(USERS)
    def say(_presented: Presented) -> Any:
        """Say something."""
        return value

    return say


def test_a_token_that_holds_is_allowed_all_of_the_stage() -> None:
    reply = run_on(validate_token, token_event("Bearer a", route="GET /orders/7"))

    assert reply == {
        "principalId": "u-1",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": STAGE}],
        },
        "context": {"sub": "u-1", "iss": "us", "exp": "7"},
    }


def test_an_http_api_is_told_a_flag() -> None:
    assert run_on(validate_token, token_event("Bearer a", v2=True)) == {
        "isAuthorized": True,
        "context": {"sub": "u-1", "iss": "us", "exp": "7"},
    }
    assert run_on(validate_token, token_event("", v2=True)) == {"isAuthorized": False, "context": {}}


@pytest.mark.parametrize("token", ["", "skip"])
def test_a_token_that_does_not_hold_is_unauthorized_in_the_gateway_s_own_word(token: str) -> None:
    with pytest.raises(Exception, match=says("Unauthorized")):
        run_on(validate_token, token_event(token))


def test_who_is_rejected_is_forbidden() -> None:
    reply = run_on(validate_token, token_event("reject"))

    assert reply["policyDocument"]["Statement"] == [
        {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": STAGE}
    ]
    assert reply["context"] == {}
    assert run_on(validate_token, token_event("reject", v2=True))["isAuthorized"] is False


@pytest.mark.parametrize(
    ("verdict", "error"),
    [
        ("retry", "Retry"),
        ("halt", "Halt"),
        ("bug", "KeyError"),
        ("defer", "Defer"),
        ("refused", "ServiceRefused"),
    ],
)
@pytest.mark.parametrize("v2", [False, True])
def test_what_nobody_could_find_out_is_raised_so_that_nobody_gets_in(
    verdict: str, error: str, v2: bool
) -> None:
    with pytest.raises(Exception, match=r"told to|retry|deferred|dynamodb") as raised:
        run_on(validate_token, token_event(verdict, v2=v2))

    assert type(raised.value).__name__ == error
    assert str(raised.value) != "Unauthorized"


def test_what_the_deadline_keeps_from_starting_is_raised() -> None:
    with pytest.raises(BatchFailed, match="nobody could say whose token it is: the deadline is near"):
        run_on(validate_token, token_event("Bearer a"), remaining_s=0.5)


@pytest.mark.parametrize("value", [None, True, {"valid": True}, "yes", 1])
def test_a_slip_lets_nobody_in(value: Any) -> None:
    with pytest.raises(ReplyRefused, match=r"return Authorization\(valid=\.\.\.\)"):
        run_on(saying(value), token_event("a"))


@pytest.mark.parametrize("valid", ["no", 1, None])
def test_only_true_lets_somebody_in(valid: Any) -> None:
    with pytest.raises(Exception, match=says("Unauthorized")):
        run_on(saying(Authorization(valid=valid)), token_event("a"))


def test_one_worker_serves_every_caller_who_asks_about_a_token() -> None:
    assert run_on(validate_token, token_event("Bearer a"))["principalId"] == "u-1"
    assert run_on(validate_token, authorizer_event("Bearer a"))["isAuthorized"] is True
    assert run_on(validate_token, {"token": "Bearer a"})["valid"] is True


@pytest.mark.parametrize(
    ("header", "event"),
    [
        ("Authorization", token_event("Bearer a", v2=True)),
        ("X-Token", token_event("Bearer a", header="x-token", v2=True)),
        (
            "Authorization",
            {
                "type": "REQUEST",
                "methodArn": "arn:aws:execute-api:us-east-1:1:a/test/GET/",
                **http_event(headers={"authorization": "Bearer a"}),
            },
        ),
    ],
)
def test_the_token_of_a_request_is_that_of_the_declared_header(header: str, event: Any) -> None:
    seen = []

    @declared(TokenAuthorizer("users", header=header))
    def look(presented: Presented) -> Authorization:
        """Keep what arrives."""
        seen.append(presented.token)
        return Authorization(valid=True)

    run_on(look, event)

    assert seen == ["Bearer a"]


def test_a_request_without_a_token_is_unauthorized() -> None:
    event = {"type": "REQUEST", "methodArn": "arn:aws:execute-api:us-east-1:1:a/test/GET/", **http_event()}

    with pytest.raises(Exception, match=says("Unauthorized")):
        run_on(validate_token, event)


def test_a_record_belongs_to_what_the_request_s_header_says() -> None:
    seen = []

    @declared(USERS)
    def look(record: Record[dict[str, Any]]) -> Authorization:
        """Keep what arrives."""
        seen.append(record)
        return Authorization(valid=True)

    run_on(look, {**token_event("a", v2=True), "headers": {"x-correlation-id": "c-1"}})
    run_on(look, token_event("a"))

    assert [record.correlation_id for record in seen] == ["c-1", Context().aws_request_id]
    assert seen[1].body["token"] == "a"


SAMPLES = [
    "powertools_apiGatewayAuthorizerRequestEvent",
    "powertools_apiGatewayAuthorizerV2Event",
    "sam_apigateway_request-authorizer",
]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sample_questions_of_others_are_taken(name: str) -> None:
    @declared(TokenAuthorizer("users", header="HeaderAuth1"))
    def look(_event: dict[str, Any]) -> Authorization:
        """Let everybody in."""
        return Authorization(valid=True, sub="u-1")

    reply = run_on(look, sample(name))

    assert reply.get("principalId") == "u-1" or reply["isAuthorized"] is True


@pytest.mark.parametrize(
    "event",
    [http_event(), http_event(v2=True), authorizer_event("a"), sqs_event("{}"), {"type": "TOKEN"}, []],
)
def test_the_events_of_other_sources_are_refused(event: Any) -> None:
    with pytest.raises(
        UnrecognisedEvent, match=says("test.say takes token_authorizer users; this event is ~")
    ):
        run_on(saying(Authorization(valid=True)), event)


@pytest.mark.parametrize("event", [token_event("a"), token_event("a", v2=True)])
def test_a_question_is_no_request_of_a_route(event: Any) -> None:
    assert not ApiGateway("GET /").recognises(event)


def test_middleware_lets_nobody_in() -> None:
    def replied(change: Any) -> Any:
        middleware = Middleware("m", around_invocation=lambda call: lambda event: change(call, event))
        loaded = ready(validate_token, middleware=(middleware,))
        return run(loaded, token_event("reject"), context=Context(), sender=RecordingSender())

    with pytest.raises(ReplyRefused, match="another shape than the authorizer's"):
        replied(lambda call, event: {**call(event), "principalId": "admin"})
    with pytest.raises(ReplyRefused, match="another shape than the authorizer's"):
        replied(lambda _call, _event: {"isAuthorized": True})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (TokenAuthorizer("my users"), "authorizer is 'my users'; ~"),
        (TokenAuthorizer("u", header="X Token"), "header is 'X Token'; ~"),
        (TokenAuthorizer("u", cache_s=3601), "cache_s is 3601; AWS takes 0 to 3600."),
        (TokenAuthorizer("u", endpoint="url"), "endpoint is 'url'; say 'rest' or 'http'."),  # type: ignore[arg-type]  # as a plugin might
    ],
)
def test_settings_that_api_gateway_refuses_are_refused(source: TokenAuthorizer, expected: str) -> None:
    with pytest.raises(
        DeclarationError, match=says(f"say: TokenAuthorizer({source.authorizer!r}) {expected}")
    ):

        @declared(source)
        def say(presented: Presented) -> Authorization:
            """Say something."""
            return Authorization(valid=bool(presented.token))


def test_a_time_out_that_an_http_api_does_not_wait_for_is_refused() -> None:
    asked = TokenAuthorizer("users", endpoint="http")

    TokenAuthorizer("users").check(worker="say", timeout_s=15)
    asked.check(worker="say", timeout_s=10)
    with pytest.raises(DeclarationError, match=says("say: ~: timeout_s is 15, the API waits 10 s for ~")):
        asked.check(worker="say", timeout_s=15)


@pytest.mark.parametrize(
    ("source", "kind", "payload"),
    [(USERS, "TOKEN", "1.0"), (TokenAuthorizer("users", endpoint="http"), "REQUEST", "2.0")],
)
def test_the_manifest_says_what_the_authorizer_is_made_from(
    source: TokenAuthorizer, kind: str, payload: str
) -> None:
    described = source.describe(timeout_s=10)

    assert json.loads(json.dumps(described)) == described
    assert described == {
        "kind": "token_authorizer",
        "name": "users",
        "type": kind,
        "payload": payload,
        "authorizer": "users",
        "endpoint": source.endpoint,
        "header": "Authorization",
        "cacheS": 0,
    }
    assert source.grants() == ()


JUNK: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.just("\ud800") | st.just({"a": []})
)


@given(st.data())
def test_whatever_stands_in_a_field_nobody_gets_in_who_should_not(data: st.DataObject) -> None:
    event = token_event("", v2=data.draw(st.booleans()))
    name = data.draw(st.sampled_from(sorted(event)))
    nobody = saying(Authorization(valid=False))

    try:
        reply = run_on(nobody, {**event, name: data.draw(JUNK)})
    except UnrecognisedEvent:
        assert name in ("type", "methodArn", "routeArn")
    except Exception as error:
        assert str(error) == "Unauthorized"  # noqa: PT017 - one of two ends
    else:
        assert reply == {"isAuthorized": False, "context": {}}
