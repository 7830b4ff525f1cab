"""Which changes are wanted: from when to when they were made, and of which types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from worker_runtime import Verdict
from workers_pipeline.data_types import DEMAND_DATA_TYPES
from workers_pipeline.delivering import deliver_changes
from workers_pipeline.typed_images import type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime import Change, Record

NOT_ASKED: Final = "another type than asked for"
_NEVER: Final = "its type is not delivered"  # as the worker says
_SOURCE: Final = deliver_changes.declaration.sources[0]
_decode: Final = _SOURCE.decoder(deliver_changes.declaration.model)


class Scope(Struct, frozen=True, kw_only=True):
    """Milliseconds since 1970, ``since_ms`` within and ``until_ms`` not; ``types`` are all or some."""

    since_ms: int | None = None
    until_ms: int | None = None
    types: tuple[str, ...] = DEMAND_DATA_TYPES

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return self.since_ms is None and self.until_ms is None and self.types == DEMAND_DATA_TYPES

    def takes(self, event: Mapping[str, Any]) -> bool:
        """Whether a batch is to be delivered: whole, or its file would stand over one with more rows."""
        return self.is_all or any(self._has(record) for record in _SOURCE.records(event))

    def told_apart(self, skipped: Mapping[str, int], event: Mapping[str, Any]) -> dict[str, int]:
        """Tell what was skipped for being of a type that was not asked for from what is never delivered."""
        if self.types == DEMAND_DATA_TYPES:
            return dict(skipped)
        others = {*DEMAND_DATA_TYPES}.difference(self.types)
        seen = (_seen(record) for record in _SOURCE.records(event))
        left_out = min(sum(1 for each in seen if each and each[1] in others), skipped.get(_NEVER, 0))
        told = {**skipped, _NEVER: skipped.get(_NEVER, 0) - left_out, NOT_ASKED: left_out}
        return {why: many for why, many in told.items() if many}

    def _has(self, record: Record[Any]) -> bool:
        if (seen := _seen(record)) is None:
            return False
        made_ms, data_type = seen
        after = self.since_ms is None or self.since_ms <= made_ms
        return after and (self.until_ms is None or made_ms < self.until_ms) and data_type in self.types


def _seen(record: Record[Any]) -> tuple[int, str | None] | None:
    """Read when a change was made, and of which type it is; None where it cannot be read."""
    try:
        change: Change[Any] = _decode(record)
        image = change.old if change.name == "REMOVE" else change.new
        return change.created_at_ms, None if image is None else type_of(image)
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, Verdict):
        return None
