"""What a test sees of notifications in the demand table in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workers_dmnd.keys import notification_keys

if TYPE_CHECKING:
    from demand_table import FakeTable


def stored(table: FakeTable, notification_id: str = "n1") -> dict[str, Any]:
    """Return a notification as the table has it."""
    item = table.item(notification_keys(notification_id))
    assert item is not None
    return item


def status_of(table: FakeTable, notification_id: str = "n1") -> str:
    """Return a notification's status."""
    return str(stored(table, notification_id)["status"]["id"])


def in_status(table: FakeTable, status: str) -> int:
    """Count the notifications of a status."""
    return sum(item["status"]["id"] == status for item in table.items("notification"))
