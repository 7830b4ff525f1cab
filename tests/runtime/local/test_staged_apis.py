"""Which APIs a stage's declarations make, and where each worker is found."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import Struct

from behind_apis import ScriptedCallee, call
from worker_runtime import (
    ApiGateway,
    AppSync,
    AppSyncAuthorizer,
    Authorization,
    Invoke,
    Stack,
    TokenAuthorizer,
    worker,
)
from worker_runtime.clock import SteppedClock
from worker_runtime.local.stage.apis.api_routes import RouteTaken
from worker_runtime.local.stage.apis.staged_apis import Staff, StagedApi, apis_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.sources import Source
    from worker_runtime.workers import Declaration

OK = {"statusCode": 200, "body": "done"}


class Asked(Struct):
    """Whatever is asked for."""


def declared(*sources: Source, stack: str = "shop") -> Declaration:
    @worker(*sources, stack=Stack(stack), timeout_s=10)
    def answer(asked: Asked) -> Authorization:
        """Answer."""
        raise NotImplementedError

    return answer.declaration


def staff_of(
    declarations: dict[str, Declaration], *, port_of: Callable[[str], int] = lambda _: 0, **said: Any
) -> Staff:
    """Staff the declared workers; ``said`` is what each of them answers, by the last part of its id."""

    def callee(worker_id: str) -> ScriptedCallee:
        return ScriptedCallee(lambda _: said.get(worker_id.partition(".")[2], OK))

    return Staff(
        declarations=declarations,
        callees={each: callee(each) for each in declarations},
        clock=SteppedClock(),
        region="us-east-1",
        request_ids=lambda: "id",
        port_of=port_of,
    )


def names(apis: list[StagedApi]) -> list[str]:
    return [api.name for api in apis]


def test_routes_are_of_the_api_that_they_name_else_of_their_stack_s() -> None:
    apis = apis_of(
        staff_of(
            {
                "a.one": declared(ApiGateway("GET /one"), ApiGateway("GET /two", endpoint="http")),
                "a.two": declared(ApiGateway("GET /two")),
                "a.three": declared(ApiGateway("GET /three", api="other")),
                "b.one": declared(ApiGateway("GET /one"), stack="else"),
            }
        )
    )

    assert names(apis) == ["rest shop", "http shop", "rest other", "rest else"]


def test_a_worker_has_one_function_url_whatever_its_routes() -> None:
    sources = [ApiGateway(f"GET /{path}", endpoint="url") for path in "ab"]

    (api,) = apis_of(staff_of({"a.one": declared(*sources)}))

    with api.server:
        assert [url for _, url in api.urls()] == [f"GET {api.server.url}/a", f"GET {api.server.url}/b"]


def test_two_workers_with_one_route_are_refused_before_anything_listens() -> None:
    one, other = declared(ApiGateway("GET /one")), declared(ApiGateway("GET /one"))

    with pytest.raises(RouteTaken):
        apis_of(staff_of({"a.one": one, "a.two": other}))


def test_all_fields_are_of_one_api_or_of_one_for_each_authorizer() -> None:
    fields = {"a.one": declared(AppSync("Query.one")), "b.two": declared(AppSync("Query.two"), stack="else")}
    guards = {"a.in": declared(AppSyncAuthorizer("x"), AppSyncAuthorizer("y"))}

    assert names(apis_of(staff_of(fields))) == ["appsync graphql"]
    assert names(apis_of(staff_of({**fields, **guards}))) == ["appsync x", "appsync y"]


def test_a_worker_that_no_api_leads_to_has_none() -> None:
    assert apis_of(staff_of({"a.one": declared(Invoke())})) == []


def test_an_api_that_goes_on_keeps_its_port() -> None:
    asked: list[str] = []

    def port_of(name: str) -> int:
        asked.append(name)
        return 0

    apis_of(staff_of({"a.one": declared(ApiGateway("GET /one"), AppSync("Query.one"))}, port_of=port_of))

    assert asked == ["rest shop", "appsync graphql"]


@pytest.mark.parametrize(
    ("endpoint", "status"), [("rest", 200), ("http", 500)], ids=["of the same kind", "of another kind"]
)
def test_a_route_is_guarded_by_the_authorizer_that_it_names(
    endpoint: Any, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    statement = {"Effect": "Allow", "Resource": "*"}
    staff = staff_of(
        {
            "a.one": declared(ApiGateway("GET /one", authorizer="token")),
            "a.two": declared(ApiGateway("GET /two")),
            "b.let": declared(TokenAuthorizer("token", endpoint=endpoint), stack="else"),
        },
        let={"principalId": "u-1", "policyDocument": {"Statement": [statement]}},
    )

    with caplog.at_level(logging.WARNING), ExitStack() as parts:
        (api,) = apis_of(staff)
        parts.enter_context(api.server)
        guarded = call(api.server.url, "/one", headers=[("Authorization", "t")])
        without = call(api.server.url, "/one")
        free = call(api.server.url, "/two")

    assert (guarded.status, free.status) == (status, 200)
    assert without.status == (401 if status == 200 else 500)
    assert ("names the authorizer 'token', which no staged worker is" in caplog.text) is (status == 500)
