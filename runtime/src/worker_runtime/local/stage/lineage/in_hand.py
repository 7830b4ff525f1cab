"""Invocations under way, and for which of their records a call was made.

A batch of one leaves no doubt. Else the call itself may say it: a dead letter and a deferral are of one
record, a message carries a record's correlation id, an item's key stands in one record alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.local.stage.lineage.calls.effects import Effect
    from worker_runtime.local.stage.lineage.record_rows import Entry

_TELLING_CHARS: Final = 4
"""A shorter part of a key stands in any record."""


@dataclass(slots=True)
class InHand:
    """An invocation: its row, the records in it, and what has been heard of them."""

    row: int
    worker: str
    entries: Sequence[Entry]
    told: set[str] = field(default_factory=set)  # records whose outcome a line told
    summed_up: bool = False  # whether the worker came to its end

    def record_of(self, effect: Effect) -> tuple[int, str] | tuple[None, None]:
        """Find the row of the record for which a call was made, and how it is known."""
        if len(self.entries) == 1:
            return self.entries[0].row, "alone"
        if effect.names is not None:
            return self._only(lambda each: each.id == effect.names, "named")
        if effect.body is not None:
            found = self._only(lambda each: each.text == effect.body, "same body")
            if found[0] is not None:
                return found
        if effect.correlation is not None:
            said = effect.correlation
            found = self._only(lambda each: said in (each.correlation, each.id), "correlation")
            if found[0] is not None:
                return found
        return self._by_key(effect) if effect.kind == "item" else (None, None)

    def _by_key(self, effect: Effect) -> tuple[int, str] | tuple[None, None]:
        parts = [value.rpartition("#")[2] for value in effect.thing.split()]
        telling = [part for part in parts if len(part) >= _TELLING_CHARS]
        counts = [sum(part in each.text for part in telling) for each in self.entries]
        most = max(counts, default=0)
        if not most or counts.count(most) > 1:
            return None, None
        return self.entries[counts.index(most)].row, "key"

    def _only(self, fits: Callable[[Entry], bool], known_by: str) -> tuple[int, str] | tuple[None, None]:
        fitting = [each.row for each in self.entries if fits(each)]
        return (fitting[0], known_by) if len(fitting) == 1 else (None, None)
