"""AppSync: fields one by one and in lists; each request answered by itself, in its form."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from pydantic import BaseModel

from conformance import FOLDER
from doors import door_of
from verdicts import act
from wording import says
from worker_runtime import (
    AppSync,
    Batch,
    FieldRequest,
    Identity,
    Middleware,
    Record,
    Reject,
    Retry,
    Stack,
    Worker,
    worker,
)
from worker_runtime.errors import DeclarationError, ReplyRefused, UnrecognisedEvent
from worker_runtime.runtime import run
from worker_runtime.sources.appsync import ANSWER_BYTES
from worker_runtime.testing import (
    Context,
    RecordingSender,
    field_event,
    ready,
    run_on,
    sqs_event,
    user_identity,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from installed import Site

SHOP = Stack("shop")
ORDER = AppSync("Query.order", batch_size=10)
DIRECT = AppSync("Query.order", form="direct")
BUSY = {"type": "UpstreamUnavailable", "message": "not now; try again", "retryable": True}


class Asked(Struct, rename="camel"):
    order_id: str = "none"
    verdict: str = ""


class Order(Struct, rename="camel"):
    order_id: str


def resolving(source: AppSync = ORDER, *, concurrency: int = 1) -> Worker[..., Any]:
    @worker(source, stack=SHOP, timeout_s=10, concurrency=concurrency)
    def resolve(asked: Asked) -> Order:
        """Find an order."""
        act(asked.verdict)
        return Order(asked.order_id)

    return resolve


def returning(value: Any, source: AppSync = ORDER) -> Worker[..., Any]:
    @worker(source, stack=SHOP, timeout_s=10)
    def resolve(asked: dict[str, Any]) -> Any:
        """Say something."""
        return value(asked) if callable(value) else value

    return resolve


def request_of(event: Any) -> FieldRequest[dict[str, Any]]:
    """Hand over what a worker sees of an event."""
    seen: list[FieldRequest[dict[str, Any]]] = []

    @worker(ORDER, stack=SHOP, timeout_s=10)
    def see(request: FieldRequest[dict[str, Any]]) -> None:
        """See a request."""
        seen.append(request)

    reply = run_on(see, event)
    assert seen, reply
    return seen[0]


def item(data: Any = None, kind: str | None = None, message: str | None = None) -> dict[str, Any]:
    return {"data": data, "errorMessage": message, "errorType": kind}


def test_a_field_s_data_is_what_the_worker_returned() -> None:
    reply = run_on(resolving(), field_event({"orderId": "o-1"}))

    assert reply == {"data": {"orderId": "o-1"}, "error": None}


def test_a_list_is_answered_one_by_one_in_its_order() -> None:
    event = [field_event({"orderId": name}) for name in ("o-1", "o-2", "o-3")]

    assert run_on(resolving(), event) == [item({"orderId": name}) for name in ("o-1", "o-2", "o-3")]


def test_a_list_of_one_is_answered_with_a_list_and_an_empty_field_with_null() -> None:
    assert run_on(returning(None), [field_event()]) == [item(None)]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_one_bad_request_of_a_list_fails_by_itself(concurrency: int) -> None:
    event = [
        field_event({"orderId": "o-1"}),
        field_event({"verdict": "bug"}),
        field_event({"orderId": 7}),
        field_event({"verdict": "reject"}),
        "no context",
        field_event({"verdict": "retry_in"}),
        field_event({"orderId": "o-2"}),
    ]

    reply = run_on(resolving(concurrency=concurrency), event)

    assert [each["errorType"] for each in reply] == [
        None,
        "Internal",
        "BadRequest",
        "BadRequest",
        "BadRequest",
        "UpstreamUnavailable",
        None,
    ]
    assert reply[0] == item({"orderId": "o-1"})
    assert reply[5] == item(None, "UpstreamUnavailable", "not now; try again in 30 s")
    assert reply[6] == item({"orderId": "o-2"})


@pytest.mark.parametrize(
    ("verdict", "error"),
    [
        ("skip", None),
        ("retry", BUSY),
        ("retry_in", {**BUSY, "message": "not now; try again in 30 s"}),
        ("defer", {**BUSY, "message": "not now; try again in 60 s"}),
        ("reject", {"type": "BadRequest", "message": "TOLD_TO", "retryable": False}),
        ("refused", {"type": "Internal", "message": "internal error", "retryable": False}),
        ("halt", {"type": "Internal", "message": "internal error", "retryable": False}),
        ("bug", {"type": "Internal", "message": "internal error", "retryable": True}),
    ],
)
def test_every_verdict_is_told_to_the_caller(verdict: str, error: Any) -> None:
    sender = RecordingSender()

    reply = run_on(resolving(), field_event({"verdict": verdict}), sender=sender)

    assert reply == {"data": None, "error": error}
    assert not sender.sent


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("NOT_FOUND", "NotFound"),
        ("CAMPAIGN_NOT_FOUND", "NotFound"),
        ("UNAUTHORIZED", "Unauthorized"),
        ("FORBIDDEN", "Unauthorized"),
        ("UPSTREAM_UNAVAILABLE", "UpstreamUnavailable"),
        ("BAD_REQUEST", "BadRequest"),
        ("TOO_MANY_MARKETS", "BadRequest"),
    ],
)
def test_the_code_of_a_reject_says_the_type_that_callers_match_on(code: str, kind: str) -> None:
    def refuse(_: Any) -> None:
        raise Reject(code, "in private", tell="of order 7")

    reply = run_on(returning(refuse), field_event())

    assert reply["error"] == {"type": kind, "message": f"{code}: of order 7", "retryable": False}


@pytest.mark.parametrize("told", ["SECRET_INTERNAL", "INTERNAL"])
def test_an_internal_error_says_no_more(told: str) -> None:
    def refuse(_: Any) -> None:
        raise Reject(told, "in private", tell="of order 7")

    reply = run_on(returning(refuse), field_event())

    assert reply["error"] == {"type": "Internal", "message": "internal error", "retryable": False}


def test_a_message_holds_no_personal_data_and_no_text_that_nobody_worded_for_callers() -> None:
    def refuse(_: Any) -> None:
        tell = "jane@example.com has no order " + "x" * 1000
        raise Reject("NOT_FOUND", "discovery: GET /internal/v2/events/X answered 404", tell=tell)

    def break_down(_: Any) -> None:
        raise OSError("host db-7.internal, user jane@example.com")

    refused = run_on(returning(refuse), field_event())
    broken = run_on(returning(break_down), field_event())

    assert refused["error"]["message"].startswith("NOT_FOUND: j***@e*** has no order xxx")
    assert len(refused["error"]["message"]) == len("NOT_FOUND: ") + 300
    assert broken["error"]["message"] == "internal error"


def test_what_the_deadline_keeps_from_starting_is_an_error_to_try_again() -> None:
    assert run_on(resolving(), field_event(), remaining_s=0.5) == {"data": None, "error": BUSY}


def test_after_a_halt_the_rest_of_a_list_is_not_started_and_may_be_asked_again() -> None:
    reply = run_on(resolving(), [field_event({"verdict": "halt"}), field_event({"orderId": "o-1"})])

    assert reply == [
        item(None, "Internal", "internal error"),
        item(None, "UpstreamUnavailable", "not now; try again"),
    ]


def test_pydantic_s_word_on_arguments_names_the_place_and_not_what_stood_there() -> None:
    @worker(ORDER, stack=SHOP, timeout_s=10)
    def resolve(asked: Model) -> None:
        """Take what pydantic takes."""

    reply = run_on(resolve, field_event({"orderId": 4_111_111}))

    assert reply["error"]["message"] == "UNDECODABLE: Input should be a valid string - at `orderId`"


def test_arguments_that_are_not_the_worker_s_are_a_bad_request() -> None:
    reply = run_on(resolving(), field_event({"orderId": 7}))

    assert reply["error"] == {
        "type": "BadRequest",
        "message": "UNDECODABLE: Expected `str`, got `int` - at `$.orderId`",
        "retryable": False,
    }


class Typed(TypedDict):
    orderId: str


@dataclass
class Classy:
    orderId: str  # noqa: N815 - the argument's name


class Model(BaseModel):
    orderId: str  # noqa: N815 - as above


@pytest.mark.parametrize(
    ("model", "taken"),
    [
        (Asked, Asked("o-1")),
        (Model, Model(orderId="o-1")),
        (Classy, Classy("o-1")),
        (Typed, {"orderId": "o-1"}),
        (dict[str, Any], {"orderId": "o-1"}),
        (bytes, b'{"orderId":"o-1"}'),
    ],
    ids=["struct", "pydantic", "dataclass", "typed dict", "dict", "bytes"],
)
def test_arguments_become_the_worker_s_type_alone_and_inside_their_request(model: Any, taken: Any) -> None:
    seen: list[Any] = []

    def see(asked: Any) -> None:
        """See it."""
        seen.append(asked)

    for annotation in (model, Record[model], FieldRequest[model], Record[FieldRequest[model]]):
        see.__annotations__["asked"] = annotation
        run_on(worker(ORDER, stack=SHOP, timeout_s=10)(see), field_event({"orderId": "o-1"}))

    alone, record, request, recorded = seen
    assert (alone, record.body, request.arguments, recorded.body.arguments) == (taken,) * 4


def test_a_worker_may_take_nothing() -> None:
    @worker(AppSync("Query.version"), stack=SHOP, timeout_s=10)
    def version() -> str:
        """Say the version."""
        return "1"

    assert run_on(version, field_event(field="Query.version")) == {"data": "1", "error": None}


def test_a_worker_that_takes_the_whole_list_answers_request_by_request() -> None:
    @worker(ORDER, stack=SHOP, timeout_s=10)
    def resolve(batch: Batch[Asked]) -> None:
        """Find orders at once."""
        for record in batch:
            match record.body.order_id:
                case "gone":
                    batch.reject(record, "NOT_FOUND")
                case "busy":
                    batch.retry(record, Retry())
                case "none":
                    batch.skip(record, "nothing asked")
                case found:
                    batch.answer(record, Order(found))

    names: list[Any] = ["o-1", "gone", "busy", 7]
    reply = run_on(resolve, [*(field_event({"orderId": name}) for name in names), field_event()])

    assert [each["errorType"] for each in reply] == [
        None,
        "NotFound",
        "UpstreamUnavailable",
        "BadRequest",
        None,
    ]
    assert (reply[0]["data"], reply[4]["data"]) == ({"orderId": "o-1"}, None)
    assert run_on(resolve, field_event({"orderId": "o-1"}))["data"] == {"orderId": "o-1"}


IDENTITIES: Mapping[str, tuple[Any, Identity | None]] = {
    "API key": (None, None),
    "nothing": ({}, None),
    "user pool": (
        user_identity("u-1", groups=["service"], claims={"phone_verified": True}),
        Identity(
            kind="user_pool",
            sub="u-1",
            username="u-1",
            groups=("service",),
            claims={
                "sub": "u-1",
                "iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_pool",
                "phone_verified": True,
            },
            issuer="https://cognito-idp.us-east-1.amazonaws.com/us-east-1_pool",
            source_ips=("127.0.0.1",),
        ),
    ),
    "OIDC": (
        {"sub": "u-1", "issuer": "https://id.example", "claims": {"aud": "x"}},
        Identity(kind="oidc", sub="u-1", issuer="https://id.example", claims={"aud": "x"}),
    ),
    "IAM": (
        {
            "accountId": "000000000000",
            "cognitoIdentityPoolId": "p",
            "cognitoIdentityId": "i",
            "sourceIp": "127.0.0.1",
            "username": "AKIA",
            "userArn": "arn:aws:iam::000000000000:user/a",
            "cognitoIdentityAuthType": "authenticated",
        },
        Identity(
            kind="iam",
            username="AKIA",
            source_ips=("127.0.0.1",),
            account_id="000000000000",
            user_arn="arn:aws:iam::000000000000:user/a",
            cognito_identity_id="i",
            cognito_identity_pool_id="p",
        ),
    ),
    "Lambda": (
        {"resolverContext": {"sub": "u-1", "scope": "read"}},
        Identity(kind="lambda", sub="u-1", claims={"sub": "u-1", "scope": "read"}),
    ),
    "Lambda of others": (
        {"resolverContext": {"sub": 7}},
        Identity(kind="lambda", sub=None, claims={"sub": 7}),
    ),
}


@pytest.mark.parametrize(("sent", "identity"), IDENTITIES.values(), ids=IDENTITIES)
def test_who_asks_is_known_by_what_the_api_established(sent: Any, identity: Identity | None) -> None:
    assert request_of(field_event(identity=sent)).identity == identity


def test_what_stands_beside_the_arguments_is_at_hand() -> None:
    request = request_of(
        field_event(
            {"a": 1},
            field="Order.lines",
            source={"id": "o-1"},
            headers={"X-Tenant": "t-1"},
            prev={"eligible": True},
        )
    )

    assert request.arguments == {"a": 1}
    assert request.source == {"id": "o-1"}
    assert request.headers == {"x-tenant": "t-1"}
    assert request.prev == {"eligible": True}
    assert request.stash == {}
    assert (request.info.parent_type_name, request.info.field_name) == ("Order", "lines")


def test_a_request_is_made_by_hand_for_a_plain_call() -> None:
    request = FieldRequest(arguments=Asked("o-1"), identity=Identity(kind="user_pool", sub="u-1"))

    assert request.identity is not None
    assert (request.arguments.order_id, request.identity.sub, request.headers) == ("o-1", "u-1", {})


def test_a_request_is_known_by_its_invocation_and_tied_to_what_caused_it() -> None:
    seen: list[Record[Any]] = []

    @worker(ORDER, stack=SHOP, timeout_s=10)
    def see(asked: Record[dict[str, Any]]) -> None:
        """See it."""
        seen.append(asked)

    run_on(see, field_event(headers={"X-Correlation-Id": "c-1", "Accept": "*/*"}))
    run_on(see, [field_event({"correlationId": "c-2"}), field_event()])

    alone, first, second = seen
    assert (alone.id, first.id, second.id) == (alone.id, f"{alone.id}:0", f"{alone.id}:1")
    assert (alone.correlation_id, first.correlation_id, second.correlation_id) == ("c-1", "c-2", second.id)
    assert alone.attributes == {"x-correlation-id": "c-1", "accept": "*/*"}
    assert alone.attempt is None


def test_a_worker_of_several_fields_knows_which_is_asked_for() -> None:
    @worker(AppSync("Query.order"), AppSync("Query.orders", form="direct"), stack=SHOP, timeout_s=10)
    def resolve(request: FieldRequest[dict[str, Any]]) -> str:
        """Say the field."""
        return request.info.field_name

    assert run_on(resolve, field_event(field="Query.order")) == {"data": "order", "error": None}
    assert run_on(resolve, field_event(field="Query.orders")) == "orders"
    assert run_on(resolve, [field_event(field="Query.orders")]) == [item("orders")]


def test_without_a_response_template_data_is_the_reply_and_errors_are_raised_by_type() -> None:
    refused = field_event({"verdict": "reject"})

    assert run_on(resolving(DIRECT), field_event({"orderId": "o-1"})) == {"orderId": "o-1"}
    with pytest.raises(Exception, match=says("BadRequest: TOLD_TO")) as raised:
        run_on(resolving(DIRECT), refused)
    assert type(raised.value).__name__ == "BadRequest"
    assert run_on(resolving(DIRECT), [refused]) == [item(None, "BadRequest", "TOLD_TO")]


UNSAYABLE = {
    "no JSON": object(),
    "a lone surrogate": "\ud800",
    "more than AppSync takes": "x" * ANSWER_BYTES,
}


@pytest.mark.parametrize("value", UNSAYABLE.values(), ids=UNSAYABLE)
def test_data_that_cannot_be_told_is_an_error_of_its_request_alone(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def say(asked: dict[str, Any]) -> Any:
        return value if asked else "fine"

    alone = run_on(returning(say), field_event({"a": 1}))
    first, second = run_on(returning(say), [field_event({"a": 1}), field_event()])

    assert alone["error"] == {"type": "Internal", "message": "internal error", "retryable": False}
    assert first == item(None, "Internal", "internal error")
    assert second == item("fine")
    assert "cannot be told" in caplog.text


def test_of_a_list_that_is_too_large_only_the_largest_answers_are_left_out() -> None:
    def say(asked: dict[str, int]) -> str:
        return "x" * asked["size"]

    sizes = (3_000_000, 10, 2_500_000, 1_000_000)
    reply = run_on(returning(say), [field_event({"size": size}) for size in sizes])

    assert [each["errorType"] for each in reply] == ["Internal", None, None, None]
    assert len(json.dumps(reply)) <= ANSWER_BYTES


def replied(source: AppSync, event: Any, change: Callable[[Any], Any], *, instead: bool = False) -> Any:
    """Run a worker whose middleware changes the reply, or replies in its place."""

    def around(call_next: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda event: change(None if instead else call_next(event))

    prepared = ready(resolving(source), middleware=(Middleware("own", around_invocation=around),))
    return run(prepared, event, context=Context(), sender=RecordingSender())


def test_middleware_may_change_data_and_reply_in_the_worker_s_place() -> None:
    hidden = {"data": "hidden", "error": None}

    assert replied(ORDER, field_event(), lambda _: hidden) == hidden
    assert replied(ORDER, field_event(), lambda _: hidden, instead=True) == hidden
    assert replied(ORDER, [field_event()], lambda _: [item(1)], instead=True) == [item(1)]
    assert replied(DIRECT, field_event(), lambda _: [1, 2], instead=True) == [1, 2]


@pytest.mark.parametrize(
    ("source", "event", "reply"),
    [
        (ORDER, [field_event()] * 2, {"data": 1, "error": None}),
        (ORDER, [field_event()] * 2, [item(1)]),
        (DIRECT, [field_event()], "of a field alone"),
        (ORDER, field_event(), [item(1)]),
    ],
    ids=["one for a list", "too few", "no item", "a list for one"],
)
def test_what_middleware_replies_instead_is_of_the_request_s_form(
    source: AppSync, event: Any, reply: Any
) -> None:
    with pytest.raises(ReplyRefused, match="another shape"):
        replied(source, event, lambda _: reply, instead=True)


REFUSED_REPLIES: Mapping[str, tuple[Any, Any]] = {
    "no envelope": (field_event(), {"orderId": "o-1"}),
    "none": (field_event(), None),
    "an error of another shape": (field_event(), {"data": None, "error": "no"}),
    "an error made data": (field_event({"verdict": "bug"}), {"data": 1, "error": None}),
    "one answer too few": ([field_event(), field_event()], [item()]),
    "no list": ([field_event()], {"data": None, "error": None}),
    "an item of another shape": ([field_event()], [{"data": 1}]),
    "a message that is no text": ([field_event()], [{**item(), "errorMessage": 7}]),
    "an item's error made data": ([field_event({"verdict": "bug"})], [item(1)]),
}


@pytest.mark.parametrize(("event", "reply"), REFUSED_REPLIES.values(), ids=REFUSED_REPLIES)
def test_a_reply_that_appsync_would_read_as_something_else_is_refused(event: Any, reply: Any) -> None:
    with pytest.raises(ReplyRefused):
        replied(ORDER, event, lambda _: reply)


REFUSED = [
    (
        AppSync("order"),
        "AppSync('order'): the field is no name of one; say \"Type.field\", as 'Query.order'.",
    ),
    (AppSync("Query.my-order"), "AppSync('Query.my-order'): the field ~"),
    (AppSync(7), "AppSync(7): the field ~"),  # type: ignore[arg-type]  # as a plugin might
    (AppSync("Query.order", batch_size=2001), "~ batch_size is 2001; AWS takes 0 to 2000."),
    (
        AppSync("Query.order", form="bare"),  # type: ignore[arg-type]  # as a plugin might
        "~ form is 'bare'; say 'enveloped' or 'direct'.",
    ),
]


@pytest.mark.parametrize(("source", "expected"), REFUSED, ids=[expected[:40] for _, expected in REFUSED])
def test_what_appsync_refuses_is_refused_when_it_is_declared(source: AppSync, expected: str) -> None:
    with pytest.raises(DeclarationError, match=says(f"resolve: {expected}")):
        resolving(source)


def test_a_time_out_that_appsync_does_not_wait_for_is_refused() -> None:
    def resolve() -> None:
        """Take long."""

    worker(ORDER, stack=SHOP, timeout_s=30)(resolve)
    with pytest.raises(
        DeclarationError, match=says("~: timeout_s is 60, AppSync waits 30 s; say timeout_s=10.")
    ):
        worker(ORDER, stack=SHOP)(resolve)


def test_a_request_that_says_nothing_of_its_arguments_is_refused() -> None:
    def resolve(request: FieldRequest) -> None:  # type: ignore[type-arg]  # the mistake
        """Forget the type."""

    with pytest.raises(DeclarationError, match=r"write FieldRequest\[YourModel\]"):
        worker(ORDER, stack=SHOP, timeout_s=10)(resolve)


def test_the_manifest_says_the_field_and_how_it_is_asked_for() -> None:
    assert ORDER.describe(timeout_s=10) == {
        "kind": "appsync",
        "name": "Query.order",
        "field": "Query.order",
        "batchSize": 10,
        "form": "enveloped",
    }
    assert ORDER.grants() == ()


@pytest.mark.parametrize(
    "event", [{}, None, [], [1], {"arguments": {}}, {"info": {"fieldName": "x"}}, "x", sqs_event({})]
)
def test_what_asks_for_no_field_is_refused(event: Any) -> None:
    with pytest.raises(UnrecognisedEvent, match=says("test.resolve takes appsync Query.order; ~")):
        run_on(resolving(), event)


def test_of_all_recorded_events_appsync_s_alone_are_taken_and_each_is_answered() -> None:
    files = sorted((FOLDER / "events").glob("*.json"))
    if not files:
        pytest.skip(f"no events in {FOLDER}; WORKERS_CONFORMANCE names the folder")
    events = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}

    taken = {name for name, event in events.items() if ORDER.recognises(event)}

    assert taken == {
        "powertools_appSyncBatchEvent",
        "powertools_appSyncResolverEvent",
        "sam_appsync_resolver",
    }
    users = {name: request_of(events[name]).identity for name in taken}
    assert {user.kind for user in users.values() if user} == {"user_pool"}
    assert run_on(returning("fine"), events["powertools_appSyncBatchEvent"]) == [item("fine")] * 2
    assert AppSync("Merchant.locations").owns(events["powertools_appSyncResolverEvent"])
    assert AppSync("Mutation.createSomething").owns(events["sam_appsync_resolver"])


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.just("\ud800"),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers() | st.none(), max_size=2),
)
WHOLE = field_event(
    {"orderId": "o-1"}, identity=user_identity("u-1"), source={"a": 1}, headers={"a": "b"}, prev=1
)


def leaves(value: Any, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """List the ways to every field, however deep."""
    if not isinstance(value, dict):
        return [at]
    below = [path for key, each in value.items() for path in leaves(each, (*at, key))]
    return [at, *below] if at else below


@settings(max_examples=300)
@given(path=st.sampled_from(leaves(WHOLE)), junk=JUNK)
def test_junk_anywhere_in_a_request_is_that_request_s_own_error(path: tuple[str, ...], junk: Any) -> None:
    poisoned = copy.deepcopy(WHOLE)
    inside: Any = poisoned
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = junk

    @worker(ORDER, stack=SHOP, timeout_s=10)
    def see(_: FieldRequest[Asked]) -> str:
        """See it."""
        return "seen"

    first, second = run_on(see, [poisoned, WHOLE])
    alone = run_on(see, poisoned) if ORDER.recognises(poisoned) else None

    assert first == item("seen") or first["errorType"] == "BadRequest"
    assert second == item("seen")
    assert alone is None or alone["data"] == first["data"]


DOOR = """
    from worker_runtime import AppSync, FieldRequest, Reject, Stack, worker

    @worker(AppSync("Query.account"), stack=Stack("shop"), timeout_s=10)
    def work(request: FieldRequest[dict[str, str]]) -> dict[str, str]:
        \"\"\"Show an account to its owner.\"\"\"
        asked = request.arguments["accountId"]
        if request.identity is None or request.identity.sub != asked:
            raise Reject("UNAUTHORIZED")
        return {"accountId": asked}
"""


def test_through_lambda_s_door(installed_plugin: Site) -> None:
    installed_plugin.install_plugin("desk", worker=DOOR)
    mine = field_event({"accountId": "u-1"}, field="Query.account", identity=user_identity("u-1"))
    theirs = {**mine, "arguments": {"accountId": "u-2"}}

    with door_of(installed_plugin, "desk.work") as door:
        shown, refused = door(mine), door(theirs)

    assert shown == {"data": {"accountId": "u-1"}, "error": None}
    assert refused["error"] == {"type": "Unauthorized", "message": "UNAUTHORIZED", "retryable": False}
