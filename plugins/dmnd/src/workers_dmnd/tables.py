"""Who serves what the workers ask of the demand table; ``plugin`` offers it.

Adapters are imported where they are made, so that a cold start pays for its own worker's only.
"""
# ruff: noqa: PLC0415 - see above

from __future__ import annotations

from typing import Final

from worker_runtime import Environment, Metrics, provide
from worker_runtime.clients.dynamodb import Table
from workers_dmnd.services import (
    Demands,
    DueWork,
    Events,
    GeneratedNotifications,
    Notifications,
    Receipts,
    Recipients,
    Sales,
)


@provide
def table(environment: Environment) -> Table:
    """Reach the demand table."""
    return Table(environment.named("table", "demand-table"))


@provide
def events(table: Table) -> Events:
    """Find events in the demand table."""
    from workers_dmnd.adapters.events import EventsTable

    return EventsTable(table)


@provide
def sales(table: Table) -> Sales:
    """Find and lease sales in the demand table."""
    from workers_dmnd.adapters.sales import SalesTable

    return SalesTable(table)


@provide
def recipients(table: Table) -> Recipients:
    """Go through a sale's fans in the demand table."""
    from workers_dmnd.adapters.recipients import RecipientsIndex

    return RecipientsIndex(table)


@provide
def generated(table: Table, metrics: Metrics) -> GeneratedNotifications:
    """Put new notifications into the demand table."""
    from workers_dmnd.adapters.generated import GeneratedTable

    return GeneratedTable(table, metrics=metrics)


@provide
def notifications(table: Table) -> Notifications:
    """Find and move notifications in the demand table."""
    from workers_dmnd.adapters.notifications import NotificationsTable

    return NotificationsTable(table)


@provide
def due_work(table: Table) -> DueWork:
    """Ask the demand table's index which notifications want something done."""
    from workers_dmnd.adapters.due_work import DueWorkIndex

    return DueWorkIndex(table)


@provide
def demands(table: Table) -> Demands:
    """Find single fans' demands in the demand table."""
    from workers_dmnd.adapters.demands import DemandsTable

    return DemandsTable(table)


@provide
def receipts(table: Table) -> Receipts:
    """Keep receipts, and whose message each is, in the demand table."""
    from workers_dmnd.adapters.receipts import ReceiptsTable

    return ReceiptsTable(table)


TABLES: Final = (
    *(table, events, sales, recipients, generated),
    *(notifications, due_work, demands, receipts),
)
