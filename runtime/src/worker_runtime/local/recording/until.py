"""How much of a queue or stream is recorded: all that is there, or for a while, or so many records."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600}
_ENOUGH: Final = 10_000


class Until:
    """Begins with its making; ``follows`` says that what comes later is waited for."""

    def __init__(self, *, most: int | None = None, for_s: float | None = None) -> None:
        self._most = most
        self._ends_at = None if for_s is None else time.monotonic() + for_s
        self._taken = 0

    @property
    def follows(self) -> bool:
        """Whether there is a time until which more may come."""
        return self._ends_at is not None

    def take(self, records: int) -> None:
        """Count records that were recorded."""
        self._taken += records

    def room(self, waiting: Sequence[object] = ()) -> int:
        """Tell how many more are wanted, beside those that wait to be recorded."""
        return _ENOUGH if self._most is None else max(self._most - self._taken - len(waiting), 0)

    def over(self, waiting: Sequence[object] = ()) -> bool:
        """Whether the time is over, or no more are wanted."""
        late = self._ends_at is not None and time.monotonic() >= self._ends_at
        return late or not self.room(waiting)


def parse_duration(text: str) -> float:
    """Read ``30s``, ``5m``, ``1h`` or seconds; ValueError where it is none of these."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS_S else (text, "s")
    seconds = float(number) * _UNITS_S[unit]
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{text!r} is no duration; say 30s, 5m or 1h.")
    return seconds
