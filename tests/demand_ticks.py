"""Ticks of the scheduler on a demand table in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from demand_table import FakeDemands, FakeDueWork, FakeEvents, FakeNotifications, FakeSales
from worker_runtime import Environment, Invocation, Metrics
from workers_dmnd.policy import NotificationPolicy, instant
from workers_dmnd.scheduling import Ticked, release_notifications
from workers_dmnd.services import Demands, DueWork, Events, Notifications, Sales

if TYPE_CHECKING:
    from demand_table import FakeTable

NOON: Final = instant("2023-11-15T12:00:00Z")
QUIET: Final = Ticked(sales_due=0, released=0, held=0, suppressed=0, expired=0, recovered=0, due_backlog=0)


def served_by(table: FakeTable) -> dict[type, Any]:
    """Say who serves the scheduler what, by the type that it asks for."""
    return {
        Sales: FakeSales(table),
        Events: FakeEvents(table),
        Demands: FakeDemands(table),
        Notifications: FakeNotifications(table),
        DueWork: FakeDueWork(table),
        NotificationPolicy: NotificationPolicy(),
    }


def tick(
    table: FakeTable,
    *,
    policy: NotificationPolicy | None = None,
    due_work: DueWork | None = None,
    metrics: Metrics | None = None,
) -> Ticked:
    """Call the scheduler."""
    return release_notifications(
        sales=FakeSales(table),
        events=FakeEvents(table),
        demands=FakeDemands(table),
        notifications=FakeNotifications(table),
        due_work=due_work or FakeDueWork(table),
        policy=policy or NotificationPolicy(),
        invocation=Invocation(),
        metrics=metrics or Metrics(plugin="dmnd", worker="dmnd.test", environment=Environment()),
    )
