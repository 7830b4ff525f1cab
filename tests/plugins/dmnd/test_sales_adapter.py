from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from demand_items import sale_item
from worker_runtime import Reject
from workers_dmnd.adapters.sales import SalesTable
from workers_dmnd.keys import sale_keys
from workers_dmnd.models import Generation, NamedStatus, Sale
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from worker_runtime.clients.dynamodb import Table
    from worker_runtime.testing import SteppedClock

NOW = 1_700_000_040.0
LEASED = Generation("RUNNING", lease_owner="me", lease_until=timestamp(NOW + 300), passes=1)


@pytest.fixture
def sales(table: Table, stepped: SteppedClock) -> SalesTable:  # noqa: ARG001 - times are written
    return SalesTable(table)


def found(sales: SalesTable, table: Table, **changed: Any) -> Sale:
    table.put(sale_item(**changed))
    sale = sales.find("e1", "s1")
    assert sale is not None
    return sale


def item(table: Table) -> dict[str, Any]:
    stored = table.get(sale_keys("e1", "s1"), consistent=True)
    assert stored is not None
    return stored


def test_a_sale_is_found_as_it_stands_in_the_table(sales: SalesTable, table: Table) -> None:
    sale = found(
        sales, table, generation={"id": "DUE", "shard": 3, "cursor": "u7", "written": 12}, campaignId="c"
    )

    assert (sale.sale_id, sale.event_id, sale.campaign_id) == ("s1", "e1", "c")
    assert sale.generation == Generation("DUE", shard=3, cursor="u7", written=12)


def test_a_sale_that_is_not_there_is_none(sales: SalesTable) -> None:
    assert sales.find("e1", "s1") is None


@pytest.mark.parametrize("wrong", [{"templateId": 7}, {"generation": {"id": "LOST"}}, {"status": {}}])
def test_an_item_that_is_no_sale_is_rejected(sales: SalesTable, table: Table, wrong: dict[str, Any]) -> None:
    table.put(sale_item() | wrong)

    with pytest.raises(Reject) as rejected:
        sales.find("e1", "s1")

    assert rejected.value.code == "BAD_SALE"


def test_due_sales_come_by_how_long_they_wait(sales: SalesTable, table: Table) -> None:
    for sale_id, after_s in {"s1": 0, "s2": -60, "s3": 1}.items():
        table.put(sale_item(sale_id, notifyAt=timestamp(NOW + after_s)))

    assert list(sales.due(now=NOW)) == [("e1", "s2"), ("e1", "s1")]


@pytest.mark.parametrize("generation", [{"id": "NONE"}, {}, None], ids=["none", "empty", "absent"])
def test_a_sale_becomes_due_once(sales: SalesTable, table: Table, generation: dict[str, Any] | None) -> None:
    sale = found(sales, table, generation=generation)

    marked = [sales.mark_due(sale), sales.mark_due(sale)]

    assert marked == [True, False]
    assert (item(table)["generation"]["id"], item(table)["version"]) == ("DUE", 2)


def test_a_removed_sale_is_neither_marked_nor_leased(sales: SalesTable) -> None:
    gone = Sale("s1", "e1", "Presale", timestamp(NOW), "t", NamedStatus("OPEN"))

    done = [sales.mark_due(gone), sales.lease(gone, LEASED, among=("NONE", "DUE"), now=NOW)]

    assert done == [False, False]
    assert sales.find("e1", "s1") is None


def test_one_of_two_generators_gets_the_lease(sales: SalesTable, table: Table) -> None:
    sale = found(sales, table, generation={"id": "DUE"})

    leased = [sales.lease(sale, LEASED, among=("DUE", "RUNNING"), now=NOW) for _ in range(2)]

    now = sales.find("e1", "s1")
    assert leased == [True, False]
    assert now is not None
    assert now.generation == LEASED


@pytest.mark.parametrize(
    ("generation", "among", "leased"),
    [
        ({"id": "RUNNING", "leaseOwner": "x", "leaseUntil": timestamp(NOW - 1)}, ("RUNNING",), True),
        ({"id": "RUNNING", "leaseOwner": "x", "leaseUntil": timestamp(NOW)}, ("RUNNING",), False),
        ({"id": "DONE"}, ("DUE", "RUNNING"), False),
        (None, ("DUE", "NONE"), True),
        (None, ("DUE",), False),
    ],
    ids=["expired", "expires now", "another state", "absent is NONE", "NONE is not asked for"],
)
def test_a_lease_is_given_where_the_state_and_the_time_allow_it(
    sales: SalesTable, table: Table, generation: dict[str, Any] | None, among: tuple[Any, ...], leased: bool
) -> None:
    sale = found(sales, table, generation=generation)

    assert sales.lease(sale, LEASED, among=among, now=NOW) is leased


def test_progress_is_saved_by_who_holds_the_lease(sales: SalesTable, table: Table) -> None:
    sale = found(sales, table, generation={"id": "DUE"})
    sales.lease(sale, LEASED, among=("DUE",), now=NOW)
    so_far = Generation(
        "RUNNING", shard=2, cursor="u9", written=5, lease_owner="me", lease_until=LEASED.lease_until
    )
    elses = Generation("RUNNING", shard=9, lease_owner="you", lease_until=LEASED.lease_until)

    saved = [sales.save(sale, each, next_at=sale.notify_at) for each in (so_far, elses)]

    now = sales.find("e1", "s1")
    assert saved == [True, False]
    assert now is not None
    assert now.generation == so_far


def test_the_end_gives_the_lease_back_and_names_the_next_pass(sales: SalesTable, table: Table) -> None:
    sale = found(sales, table, generation={"id": "DUE"})
    sales.lease(sale, LEASED, among=("DUE",), now=NOW)
    done = Generation("DONE", written=7, passes=1, lease_owner="me", lease_until=LEASED.lease_until)

    saved = sales.save(sale, done, next_at=timestamp(NOW + 3600))

    assert saved
    assert item(table)["GSI1SK"] == timestamp(NOW + 3600)
    assert "leaseOwner" not in item(table)["generation"]
    assert "leaseUntil" not in item(table)["generation"]
    assert list(sales.due(now=NOW + 3600)) == [("e1", "s1")]


def test_the_last_pass_takes_the_sale_out_of_the_index(sales: SalesTable, table: Table) -> None:
    sale = found(sales, table, generation={"id": "DUE"})
    sales.lease(sale, LEASED, among=("DUE",), now=NOW)

    saved = sales.save(sale, Generation("FAILED", lease_owner="me", error="NO_EVENT"), next_at=None)

    assert saved
    assert list(sales.due(now=NOW + 1e6)) == []
    assert {"GSI1PK", "GSI1SK"}.isdisjoint(item(table))


def test_saving_without_an_owner_is_a_mistake(sales: SalesTable, table: Table) -> None:
    sale = found(sales, table)

    with pytest.raises(ValueError, match="lease_owner"):
        sales.save(sale, Generation("DONE"), next_at=None)


def test_a_lease_is_not_taken_on_an_old_reading_of_the_sale(sales: SalesTable, table: Table) -> None:
    sale = found(sales, table, generation={"id": "DUE", "cursor": "u1", "written": 1})
    table.update(sale_keys("e1", "s1"), set={"generation.written": 9}, add={"version": 1})

    taken = sales.lease(sale, LEASED, among=("DUE",), now=NOW)

    assert not taken
    assert item(table)["generation"]["written"] == 9


def test_a_leased_sale_is_due_again_when_the_lease_expires(sales: SalesTable, table: Table) -> None:
    tomorrow = timestamp(NOW + 86_400)  # whoever asked for it by hand may die, too
    sale = found(sales, table, generation={"id": "NONE"}, notifyAt=tomorrow)

    sales.lease(sale, LEASED, among=("NONE",), now=NOW)

    assert list(sales.due(now=NOW + 299)) == []
    assert list(sales.due(now=NOW + 300)) == [("e1", "s1")]
