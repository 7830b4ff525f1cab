"""Which partition a change belongs to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

DAY_MS: Final = 86_400_000
FIRST_DATE: Final = "2020-01-01"
"""The first partition; there was no demand table before."""

_DAYS: Final = range(18_262, 47_482)  # from then to 2099, counted from 1970


class PartitionPolicy:
    """By the UTC date of the change itself, which never changes, however often it is delivered.

    Not by when it is processed: a replay would put the row elsewhere. Nor by when its item was made: a row is
    the fact that something changed, so a day's changes stand together and yesterday's partition is complete
    soon after midnight, where an old item's changes would reopen partitions of years.
    """

    def __init__(self) -> None:
        self._known: tuple[int | None, str] = (None, "")  # the last day and its date: mostly this one too

    def date_of(self, changed_at_ms: int) -> str:
        """Return ``partition_date`` of a change, ``YYYY-MM-DD``; ValueError where no query would find it."""
        day = changed_at_ms // DAY_MS
        known = self._known
        if known[0] != day:
            if day not in _DAYS:
                raise ValueError(f"changed at {changed_at_ms}, which is no date of a partition")
            date = datetime.fromtimestamp(changed_at_ms / 1000, tz=UTC).date()
            self._known = known = (day, date.isoformat())
        return known[1]
