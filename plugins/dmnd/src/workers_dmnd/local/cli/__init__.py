"""What operators do with notifications: ``workers dmnd ...``, one command a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers_dmnd.local.cli import counts, generate, history, lifecycle, retry

if TYPE_CHECKING:
    import typer


def groups() -> list[typer.Typer]:
    """List the commands in the order of ``workers dmnd --help``."""
    return [each.app for each in (counts, history, retry, generate, lifecycle)]
