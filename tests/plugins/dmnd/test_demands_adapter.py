"""Single demands, and a sale's recipients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demand_items import demand_item
from worker_runtime import Reject
from workers_dmnd.adapters.demands import DemandsTable
from workers_dmnd.adapters.recipients import RecipientsIndex
from workers_dmnd.keys import shard16
from workers_dmnd.models import Demand

if TYPE_CHECKING:
    from worker_runtime.clients.dynamodb import Table


def users_of_one_shard(shard: int, *, wanted: int) -> list[str]:
    return sorted([f"u{number}" for number in range(10_000) if shard16(f"u{number}") == shard][:wanted])


def test_a_demand_is_found_as_it_stands_in_the_table(table: Table) -> None:
    table.put(demand_item(optOut=True, locale="de-DE"))

    found = DemandsTable(table).find("u1", event_id="e1", sale_id="s1")

    assert found == Demand("u1", "e1", "s1", notify=True, opt_out=True, phone="+12125550123", locale="de-DE")


def test_a_demand_that_is_not_there_is_none(table: Table) -> None:
    assert DemandsTable(table).find("u1", event_id="e1", sale_id="s1") is None


def test_an_item_that_is_no_demand_is_rejected_and_its_number_not_told(table: Table) -> None:
    table.put(demand_item() | {"notify": "yes"})

    with pytest.raises(Reject) as rejected:
        DemandsTable(table).find("u1", event_id="e1", sale_id="s1")

    assert rejected.value.code == "BAD_DEMAND"
    assert "+1212" not in str(rejected.value)


def test_a_sales_recipients_come_by_user_and_from_behind_one(table: Table) -> None:
    users = users_of_one_shard(3, wanted=5)
    table.batch_put([demand_item(user) for user in reversed(users)])
    table.put(demand_item(users[0], sale_id="s2"))
    recipients = RecipientsIndex(table)

    everybody = [each.user_id for each in recipients.of("s1", shard=3, after=None)]
    the_rest = [each.user_id for each in recipients.of("s1", shard=3, after=users[1])]

    assert everybody == users
    assert the_rest == users[2:]
    assert list(recipients.of("s1", shard=4, after=None)) == []


def test_one_demand_that_nobody_can_read_keeps_no_other(
    table: Table, caplog: pytest.LogCaptureFixture
) -> None:
    users = users_of_one_shard(3, wanted=3)
    table.batch_put([demand_item(user) for user in users])
    table.put(demand_item(users[1]) | {"phone": 12125550123})

    found = [each.user_id for each in RecipientsIndex(table).of("s1", shard=3, after=None)]

    assert found == [users[0], users[2]]
    assert users[1] in caplog.text
    assert "1212555" not in caplog.text
