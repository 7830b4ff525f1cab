"""Types survive declaration: what a checker must accept of a plugin, and what it must refuse.

``# E: code`` marks the lines that must fail, and with which of mypy's codes; all others must pass.
"""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

from mypy import api

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]
SNIPPET = dedent("""
    from collections.abc import Iterator
    from typing import Any, Protocol, assert_type

    from msgspec import Struct

    from worker_runtime import (
        Batch, Change, Defer, Metrics, Middleware, Provided, Record, Retry, Schedule, Secret, Settings, Sqs,
        Stack, TableStream, Worker, hookimpl, provide, reads, worker,
    )
    from worker_runtime.testing import run_on, schedule_event, sqs_event

    class Order(Struct):
        id: str

    class Shipping(Protocol):
        def ship(self, order_id: str) -> str: ...

    class Bikes:
        def ship(self, order_id: str) -> str:
            return order_id

    class Trains:
        def ship(self, order_id: int) -> str:
            return str(order_id)

    SHOP = Stack("shop")

    @worker(Sqs("orders", dead_letters="d"), stack=SHOP, grants=(reads("orders"),), concurrency=4)
    def ship_order(order: Order, *, shipping: Shipping, metrics: Metrics) -> str:
        '''Ship an order.'''
        metrics.count("Shipped")
        return shipping.ship(order.id)

    def use(metrics: Metrics) -> None:
        assert_type(ship_order(Order("1"), shipping=Bikes(), metrics=metrics), str)
        ship_order(Order("1"), shipping=Bikes())  # E: call-arg
        ship_order("1", shipping=Bikes(), metrics=metrics)  # E: arg-type
        ship_order(Order("1"), shipping=Trains(), metrics=metrics)  # E: arg-type
        ship_order(Order("1"), Bikes(), metrics=metrics)  # E: call-arg
        ship_order(Order("1"), shipping=Bikes(), metrics=metrics, extra=1)  # E: call-arg
        returned: int = ship_order(Order("1"), shipping=Bikes(), metrics=metrics)  # E: assignment

    @worker(TableStream("orders", dead_letters="d"), stack=SHOP)
    def watch(batch: Batch[Change[Order]]) -> None:
        '''Watch orders.'''
        for record in batch:
            assert_type(record, Record[Change[Order]])
            assert_type(record.body.new, Order | None)
            assert_type(record.attempt, int | None)
            record.body.new.id  # E: union-attr
            batch.retry(record, ValueError(), after_s=30)
            batch.retry(record.body)  # E: arg-type
            batch.reject(record)  # E: call-arg

    class Counts(Struct):
        shipped: int

    @worker(Schedule("rate(1 minute)", dead_letters="d"), stack=SHOP, reserved_concurrency=1)
    def tick(*, shipping: Shipping) -> Counts:
        '''Ship what is due.'''
        return Counts(len(shipping.ship("1")))

    assert_type(tick(shipping=Bikes()), Counts)
    tick(Order("1"), shipping=Bikes())  # E: arg-type, misc
    tick()  # E: call-arg
    Schedule("rate(1 minute)", "UTC")  # E: arg-type, call-arg
    Schedule("rate(1 minute)", retries="2")  # E: arg-type
    Schedule()  # E: call-arg
    worker(Schedule("rate(1 minute)"), stack=SHOP, reserved_concurrency="1")  # E: arg-type

    every: list[Worker[..., Any]] = [ship_order, watch, tick]
    run_on(ship_order, sqs_event({"id": "1"}), services={Shipping: Bikes()})
    run_on(use, sqs_event())  # E: arg-type
    run_on(tick, schedule_event({"a": 1}), services={Shipping: Bikes()})

    worker(Sqs("orders"))  # E: call-arg
    worker("orders", stack=SHOP)  # E: arg-type
    worker(Sqs("orders"), stack="shop")  # E: arg-type
    worker(Sqs("orders"), stack=SHOP, grants=(reads("orders")))  # E: arg-type
    Sqs("orders", batch="10")  # E: call-arg
    TableStream("orders", dead_letters="d", on_failure="contine")  # E: arg-type
    Retry("30")  # E: arg-type
    Defer()  # E: call-arg

    class ShopSettings(Settings, frozen=True):
        token: Secret
        base_url: str = "https://x"

    def read(settings: ShopSettings) -> None:
        assert_type(settings.token.reveal(), str)
        settings.base_url = "y"  # E: misc

    @provide
    def shipping(settings: ShopSettings) -> Iterator[Shipping]:
        yield Bikes()

    @hookimpl
    def services() -> list[Provided]:
        return [shipping]

    Middleware("m", around_invocation=lambda call_next: lambda event: call_next(event))
    Middleware("m", around_record=lambda call_next: lambda record: None)  # E: arg-type, return-value
""")


_ERROR = re.compile(r"^.*?:(\d+): error: .*\[([\w-]+)\]$", re.MULTILINE)


def expected(source: str) -> dict[int, set[str]]:
    marked = enumerate(source.splitlines(), 1)
    return {at: set(line.rpartition("# E: ")[2].split(", ")) for at, line in marked if "# E: " in line}


def found(report: str) -> dict[int, set[str]]:
    codes: dict[int, set[str]] = {}
    for at, code in _ERROR.findall(report):
        codes.setdefault(int(at), set()).add(code)
    return codes


def test_a_worker_keeps_its_signature_and_mistakes_are_told_by_the_checker(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    file = tmp_path / "a_plugin.py"
    file.write_text(SNIPPET)
    kept = pytestconfig.cache.mkdir("mypy")  # what it knows of the runtime, from run to run

    report, complaint, _ = api.run(
        ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(kept), "--no-pretty", str(file)]
    )

    assert not complaint
    assert found(report) == expected(SNIPPET), report
