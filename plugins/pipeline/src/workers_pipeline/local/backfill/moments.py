"""Times as people and manifests write them, to the milliseconds that changes have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
CALENDAR_MS: Final = range((_FIRST - _EPOCH) // _MS, (_LAST - _EPOCH) // _MS + 1)
"""The times that have a date."""


def moment_ms(text: str) -> int:
    """Read an ISO 8601 date or time, of UTC where it names no zone; ValueError where it is none."""
    told = datetime.fromisoformat(text)
    return ((told if told.tzinfo else told.replace(tzinfo=UTC)) - _EPOCH) // _MS
