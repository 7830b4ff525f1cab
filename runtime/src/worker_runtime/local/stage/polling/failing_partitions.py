"""Which partitions of a topic fail just now: since when, and how long they wait before the next try."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker_runtime.local.stage.polling.paces import BACK_OFF_S
from worker_runtime.local.stage.polling.partition_backlog import Again

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker_runtime.local.stage.polling.bisecting import Piece
    from worker_runtime.local.stage.polling.staged_records import StagedRecord


@dataclass(frozen=True, slots=True)
class _Failing:
    since: float
    wait_s: float


class FailingPartitions:
    """The errors in a row of each partition."""

    def __init__(self) -> None:
        self._failing: dict[str, _Failing] = {}

    def put_off(self, pieces: Sequence[Piece[StagedRecord]], *, now: float) -> list[Again]:
        """Note an error that these are left of, and say when each comes again."""
        for name in {name for piece in pieces for name in _partitions(piece.records)}:
            self._failing[name] = self._once_more(name, now)
        return [Again(piece, now + self._wait_s(piece.records)) for piece in pieces]

    def go_well(self, records: Iterable[StagedRecord]) -> None:
        """Note that records went well: their partitions fail no longer."""
        for name in _partitions(records):
            self._failing.pop(name, None)

    def since(self, records: Iterable[StagedRecord]) -> float | None:
        """Tell since when the first of their partitions to fail does; None where none does."""
        failing = _partitions(records) & self._failing.keys()
        return min((self._failing[name].since for name in failing), default=None)

    def _once_more(self, name: str, now: float) -> _Failing:
        first_s, most_s = BACK_OFF_S
        before = self._failing.get(name)
        return (
            _Failing(now, first_s)
            if before is None
            else _Failing(before.since, min(before.wait_s * 2, most_s))
        )

    def _wait_s(self, records: Iterable[StagedRecord]) -> float:
        return max(self._failing[name].wait_s for name in _partitions(records))


def _partitions(records: Iterable[StagedRecord]) -> set[str]:
    return {record.lane for record in records}
