"""Declaring workers: what they keep, what they say of themselves, and every mistake that is refused."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypedDict

import pytest
from msgspec import Meta, Struct
from pydantic import BaseModel

from wording import says
from worker_runtime import (
    Batch,
    Change,
    Record,
    Schedule,
    Sqs,
    Stack,
    TableStream,
    Worker,
    batch_writes,
    puts,
    reads,
    sends,
    stores,
    updates,
    worker,
)
from worker_runtime.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from decimal import Decimal

SHOP = Stack("shop")
ORDERS = Sqs("orders", dead_letters="orders-dlq")
ITEMS = TableStream("items", dead_letters="items-dlq")


class Order(Struct):
    id: str


class Address(BaseModel):
    city: str


class OrderWithAddress(Struct):
    addresses: list[Address]


class Link(Struct):
    to: Link | None = None


@dataclass
class Parcel:
    weight_kg: float


class Label(TypedDict):
    text: str


class Shipping(Protocol):
    def ship(self, order_id: str) -> str: ...


class Shelf:
    """No model of anything."""


MaybeShipping = Shipping | None


class FakeShipping:
    def ship(self, order_id: str) -> str:
        return f"{order_id} shipped"


def ship_order(order: Order, *, shipping: Shipping) -> str:
    """Ship an order.

    More than one line may be said of it.
    """
    return shipping.ship(order.id)


def declared(function: Callable[..., Any], *sources: Any, **settings: Any) -> Worker[..., Any]:
    return worker(*(sources or (ORDERS,)), stack=SHOP, **settings)(function)


def test_a_worker_is_tested_by_a_plain_call_with_fakes() -> None:
    shipping = worker(ORDERS, stack=SHOP)(ship_order)

    assert shipping(Order("o-1"), shipping=FakeShipping()) == "o-1 shipped"


def test_a_worker_keeps_name_docstring_and_signature() -> None:
    shipping = declared(ship_order)

    assert shipping.__name__ == "ship_order"
    assert shipping.__doc__ == ship_order.__doc__
    assert inspect.signature(shipping) == inspect.signature(ship_order)
    assert repr(shipping) == "<worker ship_order>"


def test_the_declaration_says_all_that_is_known_without_running_it() -> None:
    declaration = declared(ship_order, ORDERS, ITEMS_AS_BYTES, timeout_s=30, concurrency=4).declaration

    assert declaration.name == "ship_order"
    assert declaration.summary == "Ship an order."
    assert declaration.sources == (ORDERS, ITEMS_AS_BYTES)
    assert declaration.stack == SHOP
    assert (declaration.timeout_s, declaration.memory_mb, declaration.concurrency) == (30, 2048, 4)
    assert declaration.services == {"shipping": Shipping}


ITEMS_AS_BYTES = Sqs("items")


def each(order: Order) -> None:
    """Take each."""


def one_record(record: Record[Order]) -> None:
    """Take each with what its sender said."""


def whole_batch(batch: Batch[Order]) -> None:
    """Take all at once."""


@pytest.mark.parametrize(
    ("function", "shape"), [(each, "each"), (one_record, "record"), (whole_batch, "batch")]
)
def test_the_first_parameter_s_type_says_what_a_record_becomes(
    function: Callable[..., Any], shape: str
) -> None:
    declaration = declared(function).declaration

    assert (declaration.shape, declaration.model) == (shape, Order)


def dicts(order: dict[str, Any]) -> None:
    """Take dicts."""


def raw(body: bytes) -> None:
    """Take bytes."""


def parcels(parcel: Parcel) -> None:
    """Take dataclasses."""


def labels(label: Label) -> None:
    """Take typed dicts."""


def addresses(address: Address) -> None:
    """Take pydantic models."""


def either(order: Order | None) -> None:
    """Take what may be null."""


def short(text: Annotated[str, Meta(max_length=3)]) -> None:
    """Take what is constrained."""


def linked(link: Link) -> None:
    """Take what refers to itself."""


@pytest.mark.parametrize(
    "function",
    [each, dicts, raw, parcels, labels, addresses, either, short, linked],
    ids=lambda f: f.__name__,
)
def test_a_body_may_be_any_model(function: Callable[..., Any]) -> None:
    assert declared(function).declaration.shape == "each"


def test_what_its_sources_need_is_granted_beside_its_own_grants() -> None:
    source = Sqs("orders", dead_letters="orders-dlq", spill_bucket="letters")
    grants = (reads("orders"), updates("orders"), sends("orders-dlq"))

    granted = declared(each, source, grants=grants).declaration.all_grants

    assert {(g.kind, g.name): g.actions for g in granted} == {
        ("queue", "orders"): (
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ChangeMessageVisibility",
            "sqs:SendMessage",
        ),
        ("queue", "orders-dlq"): ("sqs:SendMessage",),
        ("bucket", "letters"): ("s3:PutObject",),
        ("table", "orders"): ("dynamodb:GetItem", "dynamodb:UpdateItem"),
    }


def test_a_grant_of_some_keys_stays_apart_from_those_of_the_whole_table() -> None:
    grants = (reads("orders"), puts("orders", keys=("MSG#*",)), batch_writes("orders"))

    granted = declared(each, ORDERS, grants=grants).declaration.all_grants

    assert [(g.actions, g.keys) for g in granted if g.kind == "table"] == [
        (("dynamodb:GetItem", "dynamodb:BatchWriteItem"), ()),
        (("dynamodb:PutItem",), ("MSG#*",)),
    ]


@pytest.mark.parametrize("keys", ["MSG#*", ["MSG#*"], ("",)])
def test_keys_that_are_no_tuple_of_patterns_are_refused(keys: Any) -> None:
    with pytest.raises(DeclarationError, match=r"puts\('orders'\): keys is .*; say a tuple of patterns"):
        puts("orders", keys=keys)


def test_a_bucket_is_granted_whole_or_some_of_its_keys() -> None:
    granted = [stores("reports"), stores("reports", keys=("daily/*",))]

    assert [(g.kind, g.actions, g.keys, g.variable) for g in granted] == [
        ("bucket", ("s3:PutObject",), (), "REPORTS_BUCKET"),
        ("bucket", ("s3:PutObject",), ("daily/*",), "REPORTS_BUCKET"),
    ]
    with pytest.raises(
        DeclarationError, match=r"stores\('reports'\): keys is 'daily'; say a tuple of patterns"
    ):
        stores("reports", keys="daily")  # type: ignore[arg-type]  # the mistake


AT_HAND = FakeShipping()


def takes_nothing() -> None:
    """Take nothing."""


def takes_two(order: Order, shipping: Shipping) -> None:
    """Take a service left of the star."""


def takes_all(*orders: Order) -> None:
    """Take them all."""


def takes_any(order: Order, **services: Shipping) -> None:
    """Take any service."""


def unannotated(order) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 - the mistake
    """Take what has no type."""


def unannotated_service(order: Order, *, shipping) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 - the mistake
    """Ask for what has no type."""


def with_default(order: Order, *, shipping: Shipping = AT_HAND) -> None:
    """Ask for what is there already."""


def optional(order: Order, *, shipping: Shipping | None) -> None:
    """Ask for what may be missing."""


def optional_by_alias(order: Order, *, shipping: MaybeShipping) -> None:
    """Ask for what may be missing, by another name."""


def several(order: Order, *, shipping: list[Shipping]) -> None:
    """Ask for several."""


def for_checkers_only(price: Decimal) -> None:
    """Take what is not imported."""


def undocumented(order: Order) -> None:
    pass


def long_winded(order: Order) -> None:
    pass


long_winded.__doc__ = "Ship " + "and ship " * 40


def batch_of_nothing(batch: Batch) -> None:  # type: ignore[type-arg] # the mistake
    """Take a batch of whatever."""


def record_of_nothing(record: Record) -> None:  # type: ignore[type-arg] # the mistake
    """Take a record of whatever."""


def record_in_batch(batch: Batch[Record[Order]]) -> None:
    """Take records of records."""


def changes_of_a_queue(change: Change[Order]) -> None:
    """Take changes."""


def shelf(shelf: Shelf) -> None:
    """Take what no JSON becomes."""


def hidden_shelf(order: OrderWithAddress) -> None:
    """Take what no JSON becomes, further inside."""


def bare_change(change: Change) -> None:  # type: ignore[type-arg] # the mistake
    """Take changes of whatever."""


def change_of_shelves(change: Change[Shelf]) -> None:
    """Take changes of what no image becomes."""


async def later(order: Order) -> None:
    """Ship later."""


async def yielding_later(order: Order) -> AsyncIterator[str]:
    """Ship later, bit by bit."""
    yield order.id


def yielding(order: Order) -> Iterator[str]:
    """Ship bit by bit."""
    yield order.id


class Callable_:  # noqa: N801 - like a function
    def __call__(self, order: Order) -> None:
        """Ship."""


IMPORT = "import what it is annotated with for real, not for checkers."
MODELS = "use a Struct, a dataclass, a TypedDict, a dict or a pydantic model that stands alone."

MISTAKES: list[tuple[Callable[..., Any], str]] = [
    (
        takes_nothing,
        "takes_nothing takes 0 inputs; sqs orders brings records: take one, and services after a bare '*'.",
    ),
    (takes_two, "takes_two takes 2 inputs; it takes one, and services after a bare '*'."),
    (takes_all, "takes_all takes *orders: 'Order'; name each service after a bare '*'."),
    (takes_any, "takes_any takes **services: 'Shipping'; name each service after a bare '*'."),
    (unannotated, "unannotated: parameter 'order' has no annotation; say its type."),
    (unannotated_service, "unannotated_service: parameter 'shipping' has no annotation; say its type."),
    (with_default, "with_default: service 'shipping' has a default; services are provided, leave it out."),
    (optional, "optional: service 'shipping' is ~Shipping | None; a service is found by its class."),
    (optional_by_alias, "optional_by_alias: service 'shipping' is ~; a service is found by its class."),
    (several, "several: service 'shipping' is list[~]; a service is found by its class."),
    (for_checkers_only, f"for_checkers_only: name 'Decimal' is not defined; {IMPORT}"),
    (undocumented, "undocumented has no docstring; its first line is the Lambda's description."),
    (long_winded, "long_winded: its docstring's first line has over 256 characters."),
    (batch_of_nothing, "Batch says nothing of its body; write Batch[YourModel], and only once."),
    (record_of_nothing, "Record says nothing of its body; write Record[YourModel], and only once."),
    (record_in_batch, "Record says nothing of its body; write Record[YourModel], and only once."),
    (changes_of_a_queue, "Change is what TableStream brings; a body of JSON has another type."),
    (shelf, f"~Shelf'> cannot be decoded from JSON, for its ~Shelf'>; {MODELS}"),
    (hidden_shelf, f"~OrderWithAddress'> cannot be decoded from JSON, for its ~Address'>; {MODELS}"),
    (later, "later is async; workers are plain functions: use concurrency=n and sync clients."),
    (yielding_later, "yielding_later is async; workers are plain functions: use concurrency=n and sync ~"),
    (yielding, "yielding yields, so calling it would do nothing; return instead."),
    (Callable_(), "~Callable_ object~ is no plain function; put @worker(...) on one."),
    (functools.partial(each), "functools.partial(~) is no plain function; put @worker(...) on one."),
]


@pytest.mark.parametrize(("function", "expected"), MISTAKES, ids=lambda each: getattr(each, "__name__", None))
def test_a_mistaken_signature_is_refused_saying_who_what_and_the_cure(
    function: Callable[..., Any], expected: str
) -> None:
    with pytest.raises(DeclarationError, match=says(expected)):
        declared(function)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (each, "a table stream yields changes, not ~Order'>; write Change[YourModel]."),
        (bare_change, "a table stream yields changes, not ~Change'>; write Change[YourModel]."),
        (change_of_shelves, "An image cannot become Shelf: use a Struct or ~"),
    ],
)
def test_a_table_stream_yields_changes_and_nothing_else(function: Callable[..., Any], expected: str) -> None:
    with pytest.raises(DeclarationError, match=says(expected)):
        declared(function, ITEMS)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"timeout_s": 0}, "each: timeout_s is 0; say 1 to 900."),
        ({"timeout_s": 901}, "each: timeout_s is 901; say 1 to 900."),
        ({"memory_mb": 127}, "each: memory_mb is 127; say 128 to 10240."),
        ({"memory_mb": 10241}, "each: memory_mb is 10241; say 128 to 10240."),
        ({"concurrency": 0}, "each: concurrency is 0; say 1 to 1000."),
        ({"concurrency": 1001}, "each: concurrency is 1001; say 1 to 1000."),
        ({"reserved_concurrency": 0}, "each: reserved_concurrency is 0; say 1 to 1000."),
        ({"timeout_s": 60.5}, "each: timeout_s is 60.5; say a whole number from 1 to 900."),
        ({"grants": ("x",)}, "each: grants is ('x',); say a tuple of grants, as (reads(~),)."),
        ({"grants": reads("orders")}, "each: grants is Grant(~); say a tuple of grants, as (reads(~),)."),
    ],
)
def test_a_setting_that_cannot_be_kept_is_refused(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(DeclarationError, match=says(expected)):
        declared(each, **settings)


def test_a_batch_is_one_call_so_concurrency_is_refused() -> None:
    with pytest.raises(DeclarationError, match=says("whole_batch takes a Batch, which is one call; leave ~")):
        declared(whole_batch, concurrency=2)


def test_only_a_schedule_s_worker_may_take_nothing() -> None:
    both = (Schedule("rate(1 minute)"), ORDERS)

    tick = worker(both[0], stack=SHOP)(takes_nothing)

    assert (tick.declaration.shape, tick.declaration.model) == ("nothing", None)
    assert tick() is None
    with pytest.raises(DeclarationError, match=says("takes_nothing takes 0 inputs; sqs orders brings ~")):
        worker(*both, stack=SHOP)(takes_nothing)


def test_a_schedule_has_no_batches() -> None:
    expected = (
        "whole_batch takes a Batch, and schedule rate(1 minute) brings one event at a time; take its payload."
    )

    with pytest.raises(DeclarationError, match=says(expected)):
        worker(Schedule("rate(1 minute)"), stack=SHOP)(whole_batch)


def test_a_worker_without_a_source_is_refused() -> None:
    with pytest.raises(DeclarationError, match=says("each has no source; put one before stack=.")):
        worker(stack=SHOP)(each)


def test_each_source_is_checked_with_the_worker_s_time_out() -> None:
    with pytest.raises(DeclarationError, match=r"each: Sqs\('orders'\) visibility_s is below .* of 60 s"):
        declared(each, Sqs("orders", visibility_s=59))


@pytest.mark.parametrize("stack", ["shop", Stack(""), None])
def test_a_stack_has_a_name(stack: Any) -> None:
    with pytest.raises(DeclarationError, match=says("each: stack is ~; say stack=Stack(~), with a name.")):
        worker(ORDERS, stack=stack)(each)


def test_a_name_is_no_source() -> None:
    with pytest.raises(DeclarationError, match=says("@worker takes sources, not 'orders'; write ~")):
        worker("orders", stack=SHOP)  # type: ignore[arg-type] # the mistake


def test_the_same_source_twice_is_refused() -> None:
    with pytest.raises(DeclarationError, match=says("each has the source sqs orders twice; AWS takes one ~")):
        declared(each, ORDERS, Sqs("orders", batch_size=5))
