"""An API of AppSync on a stage: which worker a field reaches, with what, and what a caller gets."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import pytest

from behind_apis import GoneCallee, ScriptedCallee, call, served
from conformance import sample
from worker_runtime import AppSync, AppSyncAuthorizer
from worker_runtime.clock import SteppedClock
from worker_runtime.local.stage.apis.graphql_api import GraphqlApi, WorkerResolver
from worker_runtime.local.stage.apis.graphql_callers import Anybody, AuthorizerGuard
from worker_runtime.local.stage.execution.answers import Throttled
from worker_runtime.sources.appsync import ANSWER_BYTES

if TYPE_CHECKING:
    from behind_apis import Told
    from worker_runtime.local.stage.apis.callee import Callee
    from worker_runtime.local.stage.apis.graphql_callers import Guard

NOW = 1_583_348_638.0
JWT = (
    "h."
    + urlsafe_b64encode(json.dumps({"sub": "u-1", "cognito:groups": ["service"]}).encode()).decode()
    + ".s"
)


def data(value: Any) -> dict[str, Any]:
    return {"data": value, "error": None}


def item(value: Any) -> dict[str, Any]:
    return {"data": value, "errorMessage": None, "errorType": None}


def asked(
    query: str,
    *fields: tuple[AppSync, Callee],
    guard: Guard | None = None,
    headers: list[tuple[str, str]] | None = None,
    **request: Any,
) -> Told:
    resolvers = [WorkerResolver(source, callee=callee, request_ids=lambda: "id") for source, callee in fields]
    with served(GraphqlApi(resolvers, guard=guard or Anybody()), clock=SteppedClock(NOW)) as server:
        body = json.dumps({"query": query, **request}).encode()
        return call(server.url, "/graphql", method="POST", body=body, headers=headers or [])


def test_a_query_reaches_the_worker_and_brings_what_was_asked_for() -> None:
    order = ScriptedCallee(lambda _: data({"id": "7", "name": "lamp", "secret": 1}))

    answer = asked('{ order(id: "7") { name id } }', (AppSync("Query.order"), order))

    assert answer.json() == {"data": {"order": {"name": "lamp", "id": "7"}}}


def test_a_worker_is_handed_every_field_that_aws_hands_over() -> None:
    order = ScriptedCallee(lambda _: data(None))

    asked(
        "mutation Make($n: String!) { createSomething(id: $n) { id ...More } }"
        " fragment More on Thing { field1 { a } }",
        (AppSync("Mutation.createSomething"), order),
        variables={"n": "my identifier"},
        headers=[("Authorization", JWT), ("X-Tag", "a")],
    )

    (event,), recorded = order.events, sample("sam_appsync_resolver")
    assert event.keys() == recorded.keys()
    assert event["info"].keys() == recorded["info"].keys()
    assert event["identity"].keys() == recorded["identity"].keys()
    assert event["arguments"] == {"id": "my identifier"}
    assert event["info"]["selectionSetList"] == ["id", "field1", "field1/a"]
    assert event["info"]["fieldName"] == "createSomething"
    assert event["info"]["parentTypeName"] == "Mutation"
    assert event["info"]["variables"] == {"n": "my identifier"}
    assert event["request"]["headers"]["x-tag"] == "a"
    assert event["identity"]["groups"] == ["service"]


def test_aliases_fragments_and_directives_are_obeyed() -> None:
    order = ScriptedCallee(lambda event: data({"id": event["arguments"]["id"], "__typename": "Order"}))

    answer = asked(
        """query Two($with: Boolean = false) {
             a: order(id: 1) { ...F }
             b: order(id: 2) { id @include(if: $with) ... on Order { number: id } ... on Other { id } }
           }
           fragment F on Order { id __typename }""",
        (AppSync("Query.order"), order),
    )

    assert answer.json() == {"data": {"a": {"id": 1, "__typename": "Order"}, "b": {"number": 2}}}


def test_of_several_operations_the_named_one_runs() -> None:
    order = ScriptedCallee(lambda _: data("x"))

    answer = asked(
        "query A { order } query B { mine: order }", (AppSync("Query.order"), order), operationName="B"
    )

    assert answer.json() == {"data": {"mine": "x"}}


# --- lists and batches


def test_what_a_level_asks_of_one_resolver_goes_in_batches() -> None:
    orders = ScriptedCallee(lambda _: data([{"id": n} for n in range(5)]))
    lines = ScriptedCallee(lambda batch: [item([{"sku": f"s{each['source']['id']}"}]) for each in batch])

    answer = asked(
        "{ orders { id lines { sku } } }",
        (AppSync("Query.orders"), orders),
        (AppSync("Order.lines", batch_size=2), lines),
    )

    assert [len(batch) for batch in lines.events] == [2, 2, 1]
    assert lines.events[0][0].keys() == {*sample("powertools_appSyncBatchEvent")[0], "source", "request"}
    assert answer.json()["data"]["orders"][4] == {"id": 4, "lines": [{"sku": "s4"}]}


def test_a_field_of_a_batching_resolver_comes_as_a_list_of_one_too() -> None:
    order = ScriptedCallee(lambda batch: [item(len(batch))])

    answer = asked("{ order }", (AppSync("Query.order", batch_size=5), order))

    assert answer.json() == {"data": {"order": 1}}


def test_one_bad_item_of_a_batch_fails_alone() -> None:
    orders = ScriptedCallee(lambda _: data([{"id": 1}, {"id": 2}]))
    lines = ScriptedCallee(
        lambda _: [{"data": None, "errorMessage": "GONE: no longer", "errorType": "NotFound"}, item(["x"])]
    )

    answer = asked(
        "{ orders { lines } }",
        (AppSync("Query.orders"), orders),
        (AppSync("Order.lines", batch_size=9), lines),
    ).json()

    assert answer["data"]["orders"] == [{"lines": None}, {"lines": ["x"]}]
    (error,) = answer["errors"]
    assert (error["path"], error["errorType"], error["message"]) == (
        ["orders", 0, "lines"],
        "NotFound",
        "GONE: no longer",
    )


@pytest.mark.parametrize("reply", [[], "text", None], ids=str)
def test_a_batch_that_is_answered_with_another_number_fails_whole(reply: Any) -> None:
    answer = asked(
        "{ order }", (AppSync("Query.order", batch_size=5), ScriptedCallee(lambda _: reply))
    ).json()

    assert answer["data"] == {"order": None}
    assert "BatchInvoke of 1" in answer["errors"][0]["message"]


def test_fields_of_a_type_go_to_the_resolver_of_that_type() -> None:
    root = ScriptedCallee(lambda _: data([{"__typename": "Cart"}, {"__typename": "Order"}]))
    cart = ScriptedCallee(lambda _: data("cart's"))
    order = ScriptedCallee(lambda _: data("order's"))

    answer = asked(
        "{ all { lines } }",
        (AppSync("Query.all"), root),
        (AppSync("Cart.lines"), cart),
        (AppSync("Order.lines"), order),
    )

    assert answer.json() == {"data": {"all": [{"lines": "cart's"}, {"lines": "order's"}]}}


def test_mutations_go_one_after_the_other_in_their_order() -> None:
    seen: list[str] = []

    def note(event: Any) -> Any:
        seen.append(event["info"]["fieldName"])
        return data(None)

    worker = ScriptedCallee(note)

    asked("mutation { b { x } a c: b }", (AppSync("Mutation.a"), worker), (AppSync("Mutation.b"), worker))

    assert seen == ["b", "a", "b"]


# --- errors


def test_an_enveloped_error_is_told_with_its_kind_and_whether_to_ask_again() -> None:
    error = {"type": "UpstreamUnavailable", "message": "not now; try again", "retryable": True}

    answer = asked(
        "{ order }", (AppSync("Query.order"), ScriptedCallee(lambda _: {"data": None, "error": error}))
    )

    assert answer.json() == {
        "data": {"order": None},
        "errors": [
            {
                "path": ["order"],
                "data": None,
                "errorType": "UpstreamUnavailable",
                "errorInfo": error,
                "locations": [{"line": 1, "column": 3, "sourceName": None}],
                "message": "not now; try again",
            }
        ],
    }


def test_an_error_that_a_worker_raises_is_told_by_its_message() -> None:
    def refuse(_: Any) -> None:
        raise LookupError("NotFound: GONE")

    direct = ScriptedCallee(refuse)

    (error,) = asked("{ order }", (AppSync("Query.order", form="direct"), direct)).json()["errors"]

    assert (error["errorType"], error["message"]) == ("Lambda:Unhandled", "NotFound: GONE")


FAILURES = [
    (lambda _: Throttled(), "Lambda:TooManyRequestsException"),
    (lambda _: {"value": 1}, "Code"),
    (lambda _: data("x" * ANSWER_BYTES), "Lambda:IllegalArgument"),
]


@pytest.mark.parametrize(("handle", "kind"), FAILURES, ids=["throttled", "no envelope", "too large"])
def test_what_is_no_answer_is_an_error_of_its_field_alone(handle: Any, kind: str) -> None:
    answer = asked(
        "{ bad good }",
        (AppSync("Query.bad"), ScriptedCallee(handle)),
        (AppSync("Query.good"), ScriptedCallee(lambda _: data(1))),
    ).json()

    assert answer["data"] == {"bad": None, "good": 1}
    assert [each["errorType"] for each in answer["errors"]] == [kind]


def test_a_worker_whose_stage_is_taken_down_is_an_error() -> None:
    answer = asked("{ order }", (AppSync("Query.order"), GoneCallee())).json()

    assert answer["errors"][0]["errorType"] == "InternalFailure"


def test_a_field_that_nobody_stands_behind_is_undefined() -> None:
    answer = asked("{ other }").json()

    assert answer["errors"][0]["message"].endswith("Field 'other' in type 'Query' is undefined")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "Invalid JSON payload in POST request."),
        (b"{}", "Invalid request, `query` can't be null or empty."),
        (b'{"query": "{ a", "variables": null}', "Unable to parse GraphQL query."),
        (b'{"query": "query A { a } query B { b }"}', "Unknown operation named 'null'."),
        (b'{"query": "{ a }", "operationName": "B"}', "Unknown operation named 'B'."),
        (b'{"query": "{ a }", "variables": []}', "Invalid JSON payload in POST request."),
        (b'{"query": "{ ...F }"}', "Validation error of type UndefinedFragment: Undefined fragment F"),
        (
            b'{"query": "subscription { a }"}',
            "Subscriptions are served over WebSockets, which the stage has none of.",
        ),
    ],
)
def test_what_is_no_request_is_refused(body: bytes, message: str) -> None:
    with served(GraphqlApi([], guard=Anybody()), clock=SteppedClock(NOW)) as server:
        answer = call(server.url, "/graphql", method="POST", body=body)

    assert answer.status == 400
    assert answer.json()["errors"] == [{"errorType": "MalformedHttpRequestException", "message": message}]


def test_there_is_nothing_but_graphql() -> None:
    with served(GraphqlApi([], guard=Anybody()), clock=SteppedClock(NOW)) as server:
        assert call(server.url, "/").status == 404
        assert call(server.url, "/graphql").status == 404


# --- who asks


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (JWT, {"sub": "u-1", "username": "u-1"}),
        (f"Bearer {JWT}", {"sub": "u-1", "groups": ["service"]}),
        (
            "AWS4-HMAC-SHA256 Credential=AKID/20200101/us-east-1/appsync/aws4_request, Signature=x",
            {"userArn": "arn:aws:iam::000000000000:user/AKID", "username": "AKID"},
        ),
        ("no.to.ken", None),
        ("key", None),
    ],
    ids=["user pool", "bearer", "iam", "no token", "key"],
)
def test_a_caller_is_who_the_token_says(header: str, expected: dict[str, Any] | None) -> None:
    order = ScriptedCallee(lambda _: data(None))

    asked("{ order }", (AppSync("Query.order"), order), headers=[("Authorization", header)])

    identity = order.events[0]["identity"]
    assert (identity if expected is None else {name: identity[name] for name in expected}) == expected


def guard_of(
    said: Any, *, clock: SteppedClock | None = None, cache_s: int = 300
) -> tuple[Guard, ScriptedCallee]:
    authorizer = ScriptedCallee(said if callable(said) else lambda _: said)
    source = AppSyncAuthorizer("shop", cache_s=cache_s)
    return AuthorizerGuard(source, callee=authorizer, clock=clock or SteppedClock(NOW)), authorizer


def test_an_authorizer_is_asked_with_the_token_and_the_query() -> None:
    guard, authorizer = guard_of({"isAuthorized": True, "resolverContext": {"sub": "u-1"}})
    order = ScriptedCallee(lambda _: data(None))

    asked(
        "query Q { order }",
        (AppSync("Query.order"), order),
        guard=guard,
        headers=[("Authorization", "token")],
        operationName="Q",
    )

    (event,) = authorizer.events
    assert event["authorizationToken"] == "token"
    assert event["requestHeaders"]["authorization"] == "token"
    assert event["requestContext"] == {
        "apiId": "shop",
        "accountId": "000000000000",
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "queryString": "query Q { order }",
        "operationName": "Q",
        "variables": {},
    }
    assert AppSyncAuthorizer("shop").recognises(event)
    assert order.events[0]["identity"] == {"resolverContext": {"sub": "u-1"}}


def fail(_: Any) -> None:
    raise RuntimeError("the key set cannot be reached")


@pytest.mark.parametrize(
    ("said", "header", "message"),
    [
        ({"isAuthorized": True}, "", "Valid authorization header not provided."),
        ({"isAuthorized": False}, "token", "You are not authorized to make this call."),
        ({"isAuthorized": "true"}, "token", "You are not authorized to make this call."),
        ([], "token", "You are not authorized to make this call."),
        (fail, "token", "You are not authorized to make this call."),
    ],
    ids=["no token", "denied", "no flag", "no object", "failed"],
)
def test_nobody_gets_in_without_the_authorizer_s_word(said: Any, header: str, message: str) -> None:
    guard, _ = guard_of(said)
    order = ScriptedCallee(lambda _: data(None))
    headers = [("Authorization", header)] if header else []

    answer = asked("{ order }", (AppSync("Query.order"), order), guard=guard, headers=headers)

    assert answer.status == 401
    assert answer.json() == {"errors": [{"errorType": "UnauthorizedException", "message": message}]}
    assert order.events == []


@pytest.mark.parametrize(
    "denied", ["Query.secret", "arn:aws:appsync:us-east-1:1:apis/x/types/Query/fields/secret"]
)
def test_denied_fields_are_null(denied: str) -> None:
    guard, _ = guard_of({"isAuthorized": True, "deniedFields": [denied]})
    secret, order = ScriptedCallee(lambda _: data("x")), ScriptedCallee(lambda _: data(1))

    answer = asked(
        "{ secret order }",
        (AppSync("Query.secret"), secret),
        (AppSync("Query.order"), order),
        guard=guard,
        headers=[("Authorization", "token")],
    ).json()

    assert answer["data"] == {"secret": None, "order": 1}
    assert answer["errors"][0]["message"] == "Not Authorized to access secret on type Query"
    assert secret.events == []


@pytest.mark.parametrize(
    ("said", "kept_s"), [({}, 300), ({"ttlOverride": 20}, 20)], ids=["cache_s", "ttlOverride"]
)
def test_an_authorizer_s_word_is_kept_for_a_while(said: dict[str, Any], kept_s: float) -> None:
    clock = SteppedClock(NOW)
    guard, authorizer = guard_of({"isAuthorized": True, **said}, clock=clock)
    ask: dict[str, Any] = {"guard": guard, "headers": [("Authorization", "token")]}
    order = (AppSync("Query.order"), ScriptedCallee(lambda _: data(1)))

    asked("{ order }", order, **ask)
    clock.sleep(kept_s - 1)
    asked("{ order }", order, **ask)
    before = len(authorizer.events)
    clock.sleep(2)
    asked("{ order }", order, **ask)

    assert (before, len(authorizer.events)) == (1, 2)


def test_a_failure_of_the_authorizer_is_not_kept() -> None:
    guard, authorizer = guard_of(fail)
    ask: dict[str, Any] = {"guard": guard, "headers": [("Authorization", "token")]}

    asked("{ order }", **ask)
    authorizer.handle = lambda _: {"isAuthorized": True}
    answer = asked("{ __typename }", **ask)

    assert answer.json() == {"data": {"__typename": "Query"}}
