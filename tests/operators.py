"""An operator of the demand table: ``workers dmnd ...`` in a process of its own, and items put by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from demand_items import demand_item, event_item, notification_item, sale_item
from workers_dmnd.models import NamedStatus, Sale
from workers_dmnd.new_notification import Announcement, notification_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from command import Done, Workers
    from worker_runtime.clients.dynamodb import Table

PHONE = "+12125550123"


class Operator:
    """Runs the command on one demand table, which an emulator holds."""

    def __init__(self, workers: Workers, table: Table, *, endpoint_url: str) -> None:
        self._workers = workers
        self.table = table
        self.environment = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": endpoint_url,
            "DEMAND_TABLE": table.name,
        }

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None, **given: Any) -> Done:
        """Run ``workers dmnd ARGUMENTS``."""
        return self._workers("dmnd", *arguments, env={**self.environment, **(env or {})}, **given)

    def put_sale(
        self, sale_id: str = "s1", *, event: Mapping[str, Any] | None = None, **changed: Any
    ) -> Sale:
        """Put a sale and its event, and return the sale."""
        event_id = changed.get("event_id", "e1")
        self.table.put(event_item(event_id, **(event or {})))
        item = sale_item(sale_id, **changed)
        self.table.put(item)
        return Sale(
            sale_id=sale_id,
            event_id=event_id,
            name=item["name"],
            notify_at=item["notifyAt"],
            template_id=item["templateId"],
            status=NamedStatus(item["status"]["id"]),
        )

    def put_fan(self, user_id: str, sale: Sale, *, status: str | None = None, **changed: Any) -> str:
        """Put what a fan wants of a sale and, where a status is given, their notification; return its id."""
        wanted = {name: changed.pop(name) for name in ("notify", "optOut", "phone") if name in changed}
        place = {"event_id": sale.event_id, "sale_id": sale.sale_id}
        self.table.put(demand_item(user_id, **place, **wanted))
        made = notification_id_of(sale, user_id)
        if status is not None:
            of = {"userId": user_id, "eventId": sale.event_id, "saleId": sale.sale_id}
            self.table.put(notification_item(made, status=status, **{**of, **changed}))
        return made

    def stored(self, notification_id: str) -> dict[str, Any]:
        """Return a notification's item as it is now."""
        item = self.table.get({"PK": f"NTF#{notification_id}", "SK": "NTF"}, consistent=True)
        assert item is not None
        return item


def notification_id_of(sale: Sale, user_id: str) -> str:
    """Name a fan's notification as the generator does."""
    announced = Announcement(
        event_id=sale.event_id, sale_id=sale.sale_id, template_id=sale.template_id, vars={}, notify_at=0
    )
    return notification_id(announced, user_id)
