"""Times of changes as people read them: in UTC, and without trust in what a file says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workers_pipeline.partitions import PartitionPolicy

if TYPE_CHECKING:
    from collections.abc import Callable


def worded_ms(at_ms: int) -> str:
    """Word a time, ISO 8601 with milliseconds; as the number that it is where no calendar has it."""
    try:
        at = datetime.fromtimestamp(at_ms // 1000, tz=UTC).replace(microsecond=at_ms % 1000 * 1000)
    except (OverflowError, OSError, ValueError):
        return str(at_ms)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def dating() -> Callable[[int], str | None]:
    """Return what finds a change's date, as its partition has it; None where no calendar has it."""
    date_of = PartitionPolicy().date_of

    def dated(at_ms: int) -> str | None:
        try:
            return date_of(at_ms)
        except (OverflowError, OSError, ValueError):
            return None

    return dated
