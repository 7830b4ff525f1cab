from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demand_items import notification_item

if TYPE_CHECKING:
    from operators import Operator


@pytest.fixture
def counted(operator: Operator) -> Operator:
    """Put two sales of one event, fans in many ways, and a sign-up's confirmation."""
    done = {"id": "DONE", "written": 3, "skipped": 0, "passes": 1}
    first = operator.put_sale("s1", generation=done)
    for user_id, status in (("u1", "DELIVERED"), ("u2", "DELIVERED"), ("u3", "FAILED"), ("u4", None)):
        operator.put_fan(user_id, first, status=status)
    operator.put_fan("u5", first, notify=False)
    second = operator.put_sale("s2", generation={"id": "FAILED", "error": "BAD_URL"})
    operator.put_fan("u1", second, status="scheduled")
    operator.table.put(notification_item("asu1", status="SENT", type="notification:asu", saleId=None))
    return operator


def test_of_a_sale_it_is_known_who_has_which_notification_and_who_has_none(counted: Operator) -> None:
    done = counted("counts", "--sale", "e1", "s1", "--json")

    (sale,) = done.json["sales"]
    assert done.code == 0
    assert (sale["eventId"], sale["saleId"], sale["status"]) == ("e1", "s1", "SCHEDULED")
    assert (sale["fans"], sale["recipients"], sale["missing"]) == (5, 4, 1)
    assert sale["notifications"] == {"DELIVERED": 2, "FAILED": 1}
    assert (sale["generation"]["id"], sale["generation"]["written"]) == ("DONE", 3)


def test_of_an_event_all_its_sales_are_counted(counted: Operator) -> None:
    encoded, shown = counted("counts", "--event", "e1", "--json"), counted("counts", "--event", "e1")

    assert [sale["saleId"] for sale in encoded.json["sales"]] == ["s1", "s2"]
    heading, first, second = (line.split() for line in shown.out.splitlines() if line.strip())
    assert heading == [
        "event",
        "sale",
        "generation",
        "recipients",
        "missing",
        "CREATED",
        "DELIVERED",
        "FAILED",
    ]
    assert first == ["e1", "s1", "DONE", "4", "1", "0", "2", "1"]
    assert second == ["e1", "s2", "FAILED", "BAD_URL", "1", "0", "1", "0", "0"]


def test_all_is_the_whole_table_and_what_that_costs_is_told(counted: Operator) -> None:
    encoded, shown = counted("counts", "--all", "--json"), counted("counts", "--all")

    by_sale = {sale["saleId"]: sale for sale in encoded.json["sales"]}
    assert by_sale.keys() == {None, "s1", "s2"}
    assert by_sale["s1"]["notifications"] == {"DELIVERED": 2, "FAILED": 1}
    assert by_sale["s2"]["notifications"] == {"CREATED": 1}
    assert by_sale[None]["notifications"] == {"SENT": 1}
    assert by_sale["s1"]["recipients"] is None
    assert encoded.err == ""
    assert f"Reading the whole table {counted.table.name}: about " in shown.err
    assert "read units" in shown.err


def test_an_empty_table_has_no_sales(operator: Operator) -> None:
    done = operator("counts", "--all")

    assert (done.code, done.out) == (0, "No sales.\n")


@pytest.mark.parametrize(
    ("arguments", "kind", "code"),
    [
        (("--sale", "e1", "nothing"), "NoSuchSale", 1),
        (("--event", "nothing"), "NoSuchSale", 1),
        ((), "Misuse", 2),
        (("--all", "--event", "e1"), "Misuse", 2),
    ],
)
def test_what_is_not_there_and_what_is_not_said_is_an_error_of_one_line(
    operator: Operator, arguments: tuple[str, ...], kind: str, code: int
) -> None:
    done = operator("counts", *arguments, "--json")

    assert (done.code, done.out, done.error["kind"]) == (code, "", kind)


def test_a_sale_that_is_not_there_is_looked_for_among_its_events_only_where_it_has_some(
    counted: Operator,
) -> None:
    other, none = counted("counts", "--sale", "e1", "s9"), counted("counts", "--sale", "e9", "s1")

    assert "event e1 has no sale s9; `workers dmnd counts --event e1` lists them." in other.err
    assert none.err == "workers: event e9 has no sale; is that its id?\n"
