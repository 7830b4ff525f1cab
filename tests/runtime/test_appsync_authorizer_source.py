"""Authorizers of AppSync: a token, whether its bearer may go on, and one worker for all who ask."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from conformance import FOLDER
from doors import door_of
from verdicts import act
from wording import says
from worker_runtime import (
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
from worker_runtime.testing import Context, RecordingSender, authorizer_event, field_event, ready, run_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from installed import Site

AUTH = Stack("auth")
API = AppSyncAuthorizer("fans")


class Presented(Struct):
    token: str


class Bearer(Authorization, frozen=True):
    iss: str = ""
    exp: int = 0
    verified: bool = False


class Nested(Authorization, frozen=True):
    groups: tuple[str, ...] = ()


VALID = Bearer(valid=True, sub="u-1", iss="https://id.example", exp=1_700_000_000, verified=True)


def validating(*sources: Any, said: Any = None) -> Worker[..., Any]:
    @worker(*(sources or (API,)), stack=AUTH, timeout_s=10)
    def validate_token(presented: Presented) -> Any:
        """Say whose token it is."""
        act(presented.token)
        if said is not None:
            return said
        return VALID if presented.token == "good" else Bearer(valid=False, reason="EXPIRED")

    return validate_token


def test_a_bearer_who_may_go_on_is_told_to_the_resolvers_as_flat_text() -> None:
    assert run_on(validating(), authorizer_event("good")) == {
        "isAuthorized": True,
        "resolverContext": {
            "sub": "u-1",
            "iss": "https://id.example",
            "exp": "1700000000",
            "verified": "true",
        },
    }


def test_who_may_not_go_on_learns_nothing_else() -> None:
    assert run_on(validating(), authorizer_event("bad")) == {"isAuthorized": False}


@pytest.mark.parametrize(("ttl_s", "kept_s"), [(0, 0), (60, 60), (-5, 0), (86_400, 3_600)])
def test_a_worker_says_what_is_denied_and_how_long_its_word_holds(ttl_s: int, kept_s: int) -> None:
    said = Authorization(valid=True, sub="u-1", ttl_s=ttl_s, denied_fields=("Query.secrets",))
    refused = Authorization(valid=False, ttl_s=ttl_s)

    assert run_on(validating(said=said), authorizer_event("good")) == {
        "isAuthorized": True,
        "resolverContext": {"sub": "u-1"},
        "deniedFields": ["Query.secrets"],
        "ttlOverride": kept_s,
    }
    assert run_on(validating(said=refused), authorizer_event("good")) == {
        "isAuthorized": False,
        "ttlOverride": kept_s,
    }


@pytest.mark.parametrize("verdict", ["skip", "reject"])
def test_a_skip_and_a_reject_let_nobody_in(verdict: str) -> None:
    assert run_on(validating(), authorizer_event(verdict)) == {"isAuthorized": False}


@pytest.mark.parametrize(
    ("verdict", "name"),
    [
        ("retry", "Retry"),
        ("retry_in", "Retry"),
        ("defer", "Defer"),
        ("halt", "Halt"),
        ("bug", "KeyError"),
        ("refused", "ServiceRefused"),
    ],
)
def test_what_has_to_be_looked_at_is_raised_so_that_no_answer_is_kept(verdict: str, name: str) -> None:
    with pytest.raises(Exception, match=r"told to|retry|deferred|dynamodb") as raised:
        run_on(validating(), authorizer_event(verdict))

    assert type(raised.value).__name__ == name


def test_what_the_deadline_keeps_from_starting_is_raised() -> None:
    with pytest.raises(BatchFailed, match="nobody could say whose token it is: the deadline is near"):
        run_on(validating(), authorizer_event("good"), remaining_s=0.5)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (True, "the worker of an authorizer returned a bool; return Authorization(valid=...)."),
        ({"isAuthorized": True}, "the worker of an authorizer returned a dict; ~"),
        (
            Nested(valid=True, groups=("a",)),
            "groups of the Authorization is a tuple; it is handed on as flat text, ~",
        ),
        (
            Bearer(valid=True, iss="x" * 5_000_000),
            "the reply has ~ bytes, AppSync takes 5000000; return less.",
        ),
    ],
    ids=["flag", "dict", "nested", "large"],
)
def test_nobody_gets_in_by_a_slip_of_the_worker(said: Any, expected: str) -> None:
    with pytest.raises(ReplyRefused, match=says(expected)):
        run_on(validating(said=said), authorizer_event("good"))


def test_the_request_that_the_token_came_with_is_at_hand() -> None:
    seen: list[Record[Any]] = []

    @worker(API, stack=AUTH, timeout_s=10)
    def validate(asked: Record[dict[str, Any]]) -> Authorization:
        """See who asks for what."""
        seen.append(asked)
        return Authorization(valid=False)

    event = authorizer_event("good", operation="Orders")
    run_on(validate, {**event, "requestHeaders": {"x-correlation-id": "c-1"}})
    run_on(validate, event)

    first, second = seen
    assert first.body["token"] == "good"
    assert first.body["requestContext"]["operationName"] == "Orders"
    assert (first.id, first.correlation_id) == (event["requestContext"]["requestId"], "c-1")
    assert second.correlation_id == second.id


def test_one_worker_serves_appsync_api_gateway_and_direct_invokers() -> None:
    validate = validating(API, TokenAuthorizer("fans"), Invoke())
    rest = {
        "type": "TOKEN",
        "authorizationToken": "good",
        "methodArn": "arn:aws:execute-api:us-east-1:000000000000:a/prod/GET/x",
    }

    asked = run_on(validate, authorizer_event("good"))
    policy = run_on(validate, rest)
    told = run_on(validate, {"token": "good"})
    refused = run_on(validate, {"token": "bad"})

    assert asked["isAuthorized"] is True
    assert policy["principalId"] == "u-1"
    assert (told["valid"], told["sub"], told["iss"], told["exp"]) == (
        True,
        "u-1",
        "https://id.example",
        1_700_000_000,
    )
    assert (refused["valid"], refused["reason"]) == (False, "EXPIRED")


def replied(change: Callable[[Any], Any], *, instead: bool = False) -> Any:
    """Run an authorizer whose middleware changes its answer, or answers in its place."""

    def around(call_next: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda event: change(None if instead else call_next(event))

    prepared = ready(validating(), middleware=(Middleware("own", around_invocation=around),))
    return run(prepared, authorizer_event("bad"), context=Context(), sender=RecordingSender())


@pytest.mark.parametrize("instead", [False, True])
def test_nobody_gets_in_by_what_middleware_says(instead: bool) -> None:
    with pytest.raises(ReplyRefused):
        replied(lambda _: {"isAuthorized": True}, instead=instead)


OTHERS = {
    "field": field_event(),
    "api gateway": {"type": "TOKEN", "authorizationToken": "t", "methodArn": "arn"},
    "direct": {"token": "t"},
    "list": [authorizer_event("t")],
    "no request": {"authorizationToken": "t"},
    "no GraphQL": {"authorizationToken": "t", "requestContext": {"apiId": "a"}},
}


@pytest.mark.parametrize("event", OTHERS.values(), ids=OTHERS)
def test_what_appsync_does_not_ask_is_refused(event: Any) -> None:
    with pytest.raises(UnrecognisedEvent, match=says("test.validate_token takes appsync_authorizer fans; ~")):
        run_on(validating(), event)


def test_no_recorded_event_of_another_service_is_taken_for_a_question() -> None:
    files = sorted((FOLDER / "events").glob("*.json"))
    if not files:
        pytest.skip(f"no events in {FOLDER}; WORKERS_CONFORMANCE names the folder")

    taken = [file.stem for file in files if API.recognises(json.loads(file.read_text(encoding="utf-8")))]

    assert not taken


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.just("\ud800"),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
WHOLE = authorizer_event("any")


@given(
    path=st.sampled_from(
        [*((key,) for key in WHOLE), *(("requestContext", key) for key in WHOLE["requestContext"])]
    ),
    junk=JUNK,
)
def test_junk_anywhere_in_a_question_lets_nobody_in(path: tuple[str, ...], junk: Any) -> None:
    poisoned = copy.deepcopy(WHOLE)
    inside: Any = poisoned
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = junk
    outcomes = [{"isAuthorized": False}]

    if API.recognises(poisoned):
        assert run_on(validating(), poisoned) in outcomes
    else:
        assert path == ("requestContext",)


def test_settings_that_aws_refuses_are_refused_when_they_are_declared() -> None:
    with pytest.raises(DeclarationError, match=says("~AppSyncAuthorizer('fans') cache_s is 3601; ~")):
        validating(AppSyncAuthorizer("fans", cache_s=3_601))
    with pytest.raises(DeclarationError, match=says("~AppSyncAuthorizer('my api') api is 'my api'; ~")):
        validating(AppSyncAuthorizer("my api"))
    with pytest.raises(DeclarationError, match=says("~ timeout_s is 11, the API waits 10 s ~")):
        API.check(worker="validate", timeout_s=11)


def test_the_manifest_says_which_api_and_how_long_its_answers_hold() -> None:
    assert API.describe(timeout_s=10) == {
        "kind": "appsync_authorizer",
        "name": "fans",
        "api": "fans",
        "cacheS": 300,
    }
    assert API.grants() == ()


DOOR = """
    from msgspec import Struct
    from worker_runtime import AppSyncAuthorizer, Authorization, Stack, worker

    class Presented(Struct):
        token: str

    @worker(AppSyncAuthorizer("fans"), stack=Stack("auth"), timeout_s=10)
    def work(presented: Presented) -> Authorization:
        \"\"\"Let in who knows the word.\"\"\"
        return Authorization(valid=presented.token == "word", sub="u-1")
"""


def test_through_lambda_s_door_and_no_token_in_the_logs(
    installed_plugin: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    installed_plugin.install_plugin("guard", worker=DOOR)

    with door_of(installed_plugin, "guard.work") as door:
        let_in, kept_out = door(authorizer_event("word")), door(authorizer_event("hunter2"))

    assert let_in == {"isAuthorized": True, "resolverContext": {"sub": "u-1"}}
    assert kept_out == {"isAuthorized": False}
    assert "hunter2" not in capsys.readouterr().out
