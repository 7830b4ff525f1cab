"""Items by what a person knows of them: an id, an event, a fan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime.local.commands.reporting import CommandFailed
from workers_dmnd.items import sale_ids_of
from workers_dmnd.keys import notification_keys, sale_keys, user_index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.clients.dynamodb import Table
    from workers_dmnd.models import Sale
    from workers_dmnd.services import Sales


class NoSuchNotification(CommandFailed):
    """The table has no notification of this id."""


class NoSuchSale(CommandFailed):
    """The table has no such sale, or the event has none."""


def the_sale(event_id: str, sale_id: str, *, sales: Sales, table: Table | None = None) -> Sale:
    """Find a sale; NoSuchSale where there is none, which with a ``table`` says if the event has any."""
    sale = sales.find(event_id, sale_id)
    if sale is None:
        if table is not None:
            _some_sales(event_id, table=table)
        raise NoSuchSale(
            f"event {event_id} has no sale {sale_id}; `workers dmnd counts --event {event_id}` lists them."
        )
    return sale


def sales_of(event_id: str, *, table: Table, sales: Sales) -> Iterator[Sale]:
    """Find the sales of an event, one after the other; NoSuchSale where it has none."""
    for sale_id in _some_sales(event_id, table=table):
        yield the_sale(event_id, sale_id, sales=sales)


def _some_sales(event_id: str, *, table: Table) -> list[str]:
    """List the ids of an event's sales; NoSuchSale where it has none."""
    keys = sale_keys(event_id, "")
    asked = {"pk": keys["PK"], "sk": keys["SK"]}
    found = table.query("PK = :pk AND begins_with(SK, :sk)", values=asked)
    there = [sale_id for _, sale_id in map(sale_ids_of, found)]
    if not there:
        raise NoSuchSale(f"event {event_id} has no sale; is that its id?")
    return there


def the_notification(notification_id: str, *, table: Table) -> dict[str, Any]:
    """Return a notification's item as it is now; NoSuchNotification where there is none."""
    item = table.get(notification_keys(notification_id), consistent=True)
    if item is None:
        raise NoSuchNotification(
            f"there is no notification {notification_id}; "
            "`workers dmnd history --user USER_ID` lists a fan's."
        )
    return item


def notifications_of_fan(user_id: str, *, table: Table) -> Iterator[dict[str, Any]]:
    """Yield the items of a fan's notifications, the oldest first; the index may be a moment late."""
    place = user_index(user_id, created_at="")
    asked = {"pk": place["GSI2PK"], "sk": place["GSI2SK"]}
    return table.query("GSI2PK = :pk AND begins_with(GSI2SK, :sk)", values=asked, index="GSI2")
