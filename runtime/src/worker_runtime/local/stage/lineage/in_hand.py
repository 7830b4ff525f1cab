"""Invocations under way, and for which of their records a call was made.

A batch of one leaves no doubt. Else the call itself may say it: a dead letter and a deferral are of one
record, a message carries a record's correlation id, the key of an item stands in one record alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from worker_runtime.local.stage.lineage.calls.effects import Effect
    from worker_runtime.local.stage.lineage.record_rows import Entry, Moment

    Found = tuple[int, str] | tuple[None, None]
    Told = tuple[str, str | None]  # an outcome, its reason

_SHORTEST: Final = 3
"""Characters of a key's part that are looked for: a shorter one stands anywhere."""


@dataclass(slots=True, kw_only=True)
class InHand:
    """An invocation: its row, the records in it, and what has been heard of them."""

    row: int
    worker: str
    request_id: str
    began: Moment
    repeated: bool
    entries: Sequence[Entry]
    written: bool = False  # as one that runs; else it is written when it has ended
    told: dict[str, Told] = field(default_factory=dict)  # outcomes that lines told, by the records' ids
    summed_up: bool = False  # whether the worker came to its end

    def record_of(self, effect: Effect) -> Found:
        """Find the row of the record for which a call was made, and how it is known."""
        if len(self.entries) == 1:
            return self.entries[0].row, "alone"
        if effect.names is not None:
            return self._only(lambda each: each.id == effect.names, "named")
        said = effect.correlation
        ways = (
            self._only(
                lambda each: effect.kind == "deferral" and each.opened.text == effect.body, "same body"
            ),
            self._only(
                lambda each: said is not None and said in (each.opened.correlation, each.id), "correlation"
            ),
            self._by_key(effect),
        )
        return next((found for found in ways if found[0] is not None), (None, None))

    def _by_key(self, effect: Effect) -> Found:
        """Look for the item's key in the records, or for the records' keys in the message."""
        if effect.kind == "item":
            return self._most(
                sum(_stands_in(each.opened.text, parts_of(effect.thing))) for each in self.entries
            )
        body = effect.body or ""
        keys = (each.opened.item for each in self.entries)
        return self._most(0 if key is None else sum(_stands_in(body, parts_of(key.key))) for key in keys)

    def _most(self, given: Iterable[int]) -> Found:
        counts = list(given)
        most = max(counts, default=0)
        if not most or counts.count(most) > 1:
            return None, None
        return self.entries[counts.index(most)].row, "key"

    def _only(self, fits: Callable[[Entry], bool], known_by: str) -> Found:
        fitting = [each.row for each in self.entries if fits(each)]
        return (fitting[0], known_by) if len(fitting) == 1 else (None, None)


def parts_of(key: str) -> set[str]:
    """List what of an item's key others may carry: its values, and what stands behind their last ``#``."""
    values = key.split()
    return {part for value in values for part in (value, value.rpartition("#")[2]) if len(part) >= _SHORTEST}


def _stands_in(text: str, parts: Iterable[str]) -> Iterable[bool]:
    """Say of each part whether it is a whole value in a JSON text, in JSON inside of it too."""
    return (f'"{part}"' in text or f'"{part}\\"' in text or f'#{part}"' in text for part in parts)
