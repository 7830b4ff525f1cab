"""What people do with the warehouse: ``workers pipeline ...``, one command a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers_pipeline.local.cli import backfill, inspect, shown_tables

if TYPE_CHECKING:
    import typer


def groups() -> list[typer.Typer]:
    """List the commands in the order of ``workers pipeline --help``."""
    return [each.app for each in (inspect, backfill, shown_tables)]
