"""What commands know of the warehouse before they begin: where it is named, and what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers_pipeline.data_types import DEMAND_DATA_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

BUCKET: Final = "DEMAND_CAPTURE_BUCKET"
"""The variable that names the warehouse's bucket."""


def each_of(said: Sequence[str] | None) -> list[str]:
    """List what an option names, which may be said more than once, and with commas."""
    return [each.strip() for text in said or () for each in text.split(",")]


def complete_types(incomplete: str) -> list[str]:
    """Name the types that are delivered and begin like this."""
    return [each for each in DEMAND_DATA_TYPES if each.startswith(incomplete)]


def complete_tables(incomplete: str) -> list[str]:
    """Name the tables that have a schema and begin like this, delivered or not."""
    from workers_pipeline.local.inspecting.columns import known_tables  # noqa: PLC0415 - only while a shell completes

    return [each for each in known_tables() if each.startswith(incomplete)]
