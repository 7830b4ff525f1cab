"""Work that is done once: what is declared, and what becomes of a record whose key was there before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict

import pydantic
import pytest
from msgspec import Struct

from worker_runtime import (
    ApiGateway,
    AppSync,
    Batch,
    Defer,
    Halt,
    HttpResponse,
    Idempotency,
    Invoke,
    Reject,
    Retry,
    Schedule,
    Skip,
    Sqs,
    Stack,
    grants,
    worker,
)
from worker_runtime.errors import DeclarationError
from worker_runtime.manifest import describe
from worker_runtime.middleware.idempotency import Busy, Claim, Finished, once
from worker_runtime.middleware.stored_results import reader, stored
from worker_runtime.runtime import run
from worker_runtime.testing import (
    Context,
    RecordingSender,
    field_event,
    http_event,
    message,
    ready,
    schedule_event,
    sqs_event,
    user_identity,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SHOP = Stack("shop")
ORDERS = Sqs("orders", dead_letters="orders-dlq")
BY_ID = Idempotency("messageId", table="done")


NOBODY: frozenset[str] = frozenset()


class MemoryLedger:
    """A ledger in memory, by message id and caller; ``broken`` operations raise."""

    def __init__(
        self, *, busy: Mapping[str, float | None] | None = None, broken: tuple[str, ...] = ()
    ) -> None:
        self.results: dict[str, str] = {}
        self.busy = dict(busy or {})
        self.broken = broken

    def begin(self, record: Mapping[str, Any], *, caller: str | None = None) -> Claim | Finished | Busy:
        self._break("begin")
        key = record.get("messageId", "tick") + (caller or "")
        if key in self.results:
            return Finished(self.results[key])
        if key in self.busy:
            return Busy(self.busy[key])
        self.busy[key] = 60
        return Claim({"key": key})

    def finish(self, claim: Claim, result: Any) -> None:
        self._break("finish")
        self.results[claim.data["key"]] = pydantic.TypeAdapter(Any).dump_json(result).decode()
        del self.busy[claim.data["key"]]

    def release(self, claim: Claim) -> None:
        self._break("release")
        del self.busy[claim.data["key"]]

    def _break(self, operation: str) -> None:
        if operation in self.broken:
            raise Retry(reason="the store is down")


class Shop:
    """Counts what was done; raises what it is given first."""

    def __init__(self, *raises: Exception) -> None:
        self.raises = list(raises)
        self.done = 0

    def do(self) -> None:
        if self.raises:
            raise self.raises.pop(0)
        self.done += 1


@worker(ORDERS, stack=SHOP, idempotency=BY_ID)
def ship(_order: bytes, *, shop: Shop) -> None:
    """Ship an order, once."""
    shop.do()


@worker(Schedule("rate(1 minute)"), stack=SHOP, idempotency=Idempotency("id", table="done"))
def count(*, shop: Shop) -> dict[str, int]:
    """Count, once a tick."""
    shop.do()
    return {"done": shop.done}


def deliver(shop: Shop, ledger: MemoryLedger, *, sender: RecordingSender | None = None) -> Any:
    loaded = ready(ship, services={Shop: shop}, middleware=(once(ledger, returns=None, answering=NOBODY),))
    return run(loaded, sqs_event("order"), context=Context(), sender=sender or RecordingSender())


def test_what_comes_again_is_done_and_does_nothing() -> None:
    shop, ledger = Shop(), MemoryLedger()

    replies = [deliver(shop, ledger) for _ in range(3)]

    assert replies == [{"batchItemFailures": []}] * 3
    assert shop.done == 1


def test_what_comes_again_gets_the_result_of_the_first_time() -> None:
    shop, ledger = Shop(), MemoryLedger()
    kept = once(ledger, returns=dict[str, int], answering=NOBODY)
    loaded = ready(count, services={Shop: shop}, middleware=(kept,))

    first, again = (
        run(loaded, schedule_event(), context=Context(), sender=RecordingSender()) for _ in range(2)
    )

    assert first == again == {"done": 1}


def test_what_is_in_progress_elsewhere_comes_again_when_that_must_be_over() -> None:
    shop, sender = Shop(), RecordingSender()
    ledger = MemoryLedger(busy={message("order")["messageId"]: 41.5})

    reply = deliver(shop, ledger, sender=sender)

    assert len(reply["batchItemFailures"]) == 1
    assert sender.hidden == {"receipt-0": 42}
    assert shop.done == 0


def test_what_is_in_progress_for_nobody_knows_how_long_comes_again() -> None:
    sender = RecordingSender()

    reply = deliver(Shop(), MemoryLedger(busy={message("order")["messageId"]: None}), sender=sender)

    assert len(reply["batchItemFailures"]) == 1
    assert sender.hidden == {}


@pytest.mark.parametrize(
    "first",
    [OSError("no answer"), Retry(5), Defer(5), Halt("no grant"), Skip("not yet"), Reject("NO_ADDRESS")],
)
def test_work_that_was_not_done_is_tried_anew(first: Exception) -> None:
    shop, ledger = Shop(first), MemoryLedger()

    deliver(shop, ledger)
    reply = deliver(shop, ledger)

    assert reply == {"batchItemFailures": []}
    assert shop.done == 1


def test_where_nothing_is_known_nothing_is_done() -> None:
    shop = Shop()

    reply = deliver(shop, MemoryLedger(broken=("begin",)))

    assert len(reply["batchItemFailures"]) == 1
    assert shop.done == 0


def test_work_whose_result_could_not_be_kept_is_done_all_the_same() -> None:
    shop = Shop()

    reply = deliver(shop, MemoryLedger(broken=("finish",)))

    assert reply == {"batchItemFailures": []}
    assert shop.done == 1


def test_a_failure_stays_what_it_is_where_the_claim_could_not_be_given_back() -> None:
    sender = RecordingSender()

    deliver(Shop(Retry(7)), MemoryLedger(broken=("release",)), sender=sender)

    assert sender.hidden == {"receipt-0": 7}


def asked(identity: Mapping[str, Any] | None) -> dict[str, Any]:
    return field_event({"id": "1"}, field="Query.order", identity=identity)


def over_http(authorizer: Mapping[str, Any], *, v2: bool = True) -> dict[str, Any]:
    return http_event(route="POST /orders", authorizer=authorizer, v2=v2)


def by_key(key_id: str) -> dict[str, Any]:
    event = http_event(route="POST /orders")
    event["requestContext"]["identity"]["apiKeyId"] = key_id
    return event


POOLED = {"userArn": "arn:aws:sts::1:assumed-role/pool/CognitoIdentityCredentials", "accountId": "1"}


@worker(
    AppSync("Query.order"),
    ApiGateway("POST /orders"),
    Invoke(),
    stack=SHOP,
    timeout_s=10,
    idempotency=Idempotency("arguments.id", table="done"),
)
def tell(_order: dict[str, Any], *, shop: Shop) -> dict[str, int]:
    """Tell how often it was done."""
    shop.do()
    return {"done": shop.done}


def told(ledger: MemoryLedger, shop: Shop, event: Any, *, returns: Any = dict[str, int]) -> Any:
    kept = once(ledger, returns=returns, answering=frozenset(("appsync", "api_gateway", "invoke")))
    loaded = ready(tell, services={Shop: shop}, middleware=(kept,))
    reply = run(loaded, event, context=Context(), sender=RecordingSender())
    return json.loads(reply["body"]) if "body" in reply else reply


@pytest.mark.parametrize(
    ("alice", "bob"),
    [
        (asked(user_identity("alice")), asked(user_identity("bob"))),
        (asked({"sub": "1", "issuer": "a"}), asked({"sub": "1", "issuer": "b"})),
        (
            asked({**POOLED, "cognitoIdentityId": "us:alice"}),
            asked({**POOLED, "cognitoIdentityId": "us:bob"}),
        ),
        (asked({"resolverContext": {"sub": "alice"}}), asked({"resolverContext": {"sub": "bob"}})),
        (asked({"resolverContext": {"user": "alice"}}), asked({"resolverContext": {"user": "bob"}})),
        (asked(user_identity("alice")), asked(None)),
        (over_http({"jwt": {"claims": {"sub": "alice"}}}), over_http({"jwt": {"claims": {"sub": "bob"}}})),
        (over_http({"lambda": {"user": "alice"}}), over_http({"lambda": {"user": "bob"}})),
        (over_http({"lambda": {"sub": 1}}), over_http({"lambda": {"sub": 2}})),
        (over_http({"iam": {"userArn": "alice"}}), over_http({"iam": {"userArn": "bob"}})),
        (
            over_http({"iam": {**POOLED, "cognitoIdentity": {"identityId": "us:alice"}}}),
            over_http({"iam": {**POOLED, "cognitoIdentity": {"identityId": "us:bob"}}}),
        ),
        (
            asked({"resolverContext": {"iss": "shop", "user": "alice"}}),
            asked({"resolverContext": {"iss": "shop", "user": "bob"}}),
        ),
        (
            over_http({"principalId": "user", "name": "alice"}, v2=False),
            over_http({"principalId": "user", "name": "bob"}, v2=False),
        ),
        (over_http({"principalId": "alice"}, v2=False), over_http({"principalId": "bob"}, v2=False)),
        (
            over_http({"claims": {"sub": "alice"}}, v2=False),
            over_http({"claims": {"sub": "bob"}}, v2=False),
        ),
        (by_key("alice"), by_key("bob")),
    ],
)
def test_a_result_is_given_again_to_whom_it_was_told_alone(
    alice: dict[str, Any], bob: dict[str, Any]
) -> None:
    ledger, shop = MemoryLedger(), Shop()

    replies = [told(ledger, shop, event) for event in (alice, bob, alice)]

    hers, his, again = replies
    assert hers != his
    assert again == hers


def test_a_caller_stays_the_same_while_tokens_change() -> None:
    ledger, shop = MemoryLedger(), Shop()
    claims = [{"sub": "alice", "iat": at, "jti": str(at)} for at in range(2)]
    events = [over_http(where) for each in claims for where in ({"jwt": {"claims": each}}, {"lambda": each})]
    late = [over_http({"principalId": "alice", "integrationLatency": at}, v2=False) for at in range(2)]

    replies = [told(ledger, shop, event) for event in events]
    of_late = [told(ledger, shop, event) for event in late]

    assert replies == [{"done": 1}] * 4
    assert of_late == [{"done": 2}] * 2


@pytest.mark.parametrize("junk", [None, 1, "text", [], {"sub": 1}, {"claims": "x", "jwt": 3, "iam": []}])
def test_who_cannot_be_read_is_nobody(junk: Any) -> None:
    event = asked(junk)
    request = over_http({})
    request["requestContext"]["authorizer"] = junk

    replies = [told(MemoryLedger(), Shop(), each) for each in (event, request)]

    assert replies == [{"data": {"done": 1}, "error": None}, {"done": 1}]


def test_work_that_nobody_hears_of_is_done_whatever_was_kept_of_it() -> None:
    shop, ledger = Shop(), MemoryLedger()
    deliver(shop, ledger)
    ledger.results = dict.fromkeys(ledger.results, '{"of": "another type"}')

    reply = deliver(shop, ledger)

    assert reply == {"batchItemFailures": []}
    assert shop.done == 1


def test_a_caller_is_told_of_a_result_that_cannot_be_read_again() -> None:
    shop, ledger = Shop(), MemoryLedger()
    told(ledger, shop, {"id": "1"})

    with pytest.raises(Retry, match="the result that was kept cannot be read"):
        told(ledger, shop, {"id": "1"}, returns=list[int])

    assert shop.done == 1


class Point(Struct):
    x: int
    at: datetime
    price: Decimal
    raw: bytes
    more: Any = None


@dataclass
class Plain:
    name: str


class Typed(TypedDict):
    name: str


class Model(pydantic.BaseModel):
    name: str
    at: datetime


class Strict(Model):
    model_config = pydantic.ConfigDict(strict=True)


MODEL = Model(name="a", at=datetime(2026, 1, 1, tzinfo=UTC))
STRICT = Strict(name="a", at=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("returns", "value"),
    [
        (Point, Point(1, datetime(2026, 1, 1, tzinfo=UTC), Decimal("1.10"), b"\0\xff", {"bytes": [b"\1"]})),
        (Plain, Plain("a")),
        (Typed, {"name": "a"}),
        (Model, MODEL),
        (Strict, STRICT),
        (Model | None, MODEL),
        (list[Model], [MODEL]),
        (dict[int, Model], {1: MODEL}),
        (dict[int, str], {1: "a"}),
        (dict[datetime, set[int]], {datetime(2026, 1, 1, tzinfo=UTC): {1}}),
        (object, {"a": 1}),
        (HttpResponse, HttpResponse(201, b"\0", {"X-A": ["a", "b"]}, ["c=d"])),
        (list[int], [1, 2]),
        (Plain | None, None),
        (None, None),
        (bytes, b"\0"),
        (str, "1"),
        (Any, {"a": [1, None, "x", b"y"]}),
        (Any, {"$base64": "aGk="}),
        (Any, {"$base64": 1}),
        (Any, [{"$$base64": {"$base64": b"x"}}, {"$base64": "a", "b": b"c"}, {}]),
    ],
)
def test_a_result_survives_its_store(returns: Any, value: Any) -> None:
    ledger = MemoryLedger()
    ledger.busy["1"] = 1

    ledger.finish(Claim({"key": "1"}), stored(value))

    assert reader(returns)(ledger.results["1"]) == value


def test_a_result_that_is_no_data_is_not_kept_and_is_done_all_the_same() -> None:
    ledger = MemoryLedger()

    @worker(ORDERS, stack=SHOP, idempotency=BY_ID)
    def make(_order: bytes) -> Any:
        """Make what nobody can keep."""
        return object()

    loaded = ready(make, middleware=(once(ledger, returns=Any, answering=NOBODY),))
    reply = run(loaded, sqs_event("order"), context=Context(), sender=RecordingSender())

    assert reply == {"batchItemFailures": []}
    assert ledger.results == {}


def test_what_keeping_results_needs_is_granted_under_keys_of_its_own() -> None:
    entry = describe("shop.ship", ship.declaration, distribution="d", version="1")

    (granted,) = (each for each in entry.grants if each.kind == "table")
    assert granted.actions == [
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
    ]
    assert (granted.keys, granted.variable) == (["IDEM#*"], "DONE_TABLE")
    assert "DONE_TABLE" in entry.environment


def test_a_redis_is_granted_as_a_cache() -> None:
    assert Idempotency("id", redis="dmnd").grants() == (grants.cache("dmnd"),)


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (lambda: Idempotency("id"), "is kept in one place; say table="),
        (lambda: Idempotency("id", table="a", redis="b"), "is kept in one place"),
        (lambda: Idempotency("id", table="a", expires_s=0), "expires_s is 0; say seconds"),
        (
            lambda: Idempotency("id", table="a", expires_s=59),
            "expires_s is 59, less than timeout_s, 60; say more",
        ),
        (lambda: Idempotency("id", table="a", key_names=()), r"key_names is \(\); say"),
        (lambda: Idempotency("a[", table="a"), r"'a\[' is no JMESPath expression"),
        (lambda: Idempotency("", table="a"), "'' is no JMESPath expression"),
        (lambda: Idempotency("id", table="a", unchanged="]"), "']' is no JMESPath expression"),
        (lambda: Idempotency("id", redis="a", unchanged="body"), "unchanged cannot be kept in Redis"),
        (lambda: "messageId", "idempotency is 'messageId'; say Idempotency"),
    ],
)
def test_what_could_not_be_kept_is_refused_where_it_is_declared(
    made: Callable[[], Any], complaint: str
) -> None:
    with pytest.raises(DeclarationError, match=complaint):

        @worker(ORDERS, stack=SHOP, idempotency=made())
        def pack(_order: bytes) -> None:
            """Pack."""


def test_a_batch_is_refused_for_its_records_have_no_outcome_apart() -> None:
    with pytest.raises(DeclarationError, match="pack takes a Batch, whose records have no outcome apart"):

        @worker(ORDERS, stack=SHOP, idempotency=BY_ID)
        def pack(_orders: Batch[bytes]) -> None:
            """Pack."""


def test_a_result_that_could_not_be_read_again_is_refused() -> None:
    with pytest.raises(DeclarationError, match="cannot be read from a store"):

        @worker(ORDERS, stack=SHOP, idempotency=BY_ID)
        def pack(_order: bytes) -> Plain | dict[str, Any]:
            """Pack."""
            return {}
