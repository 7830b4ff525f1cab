"""How Lambda goes on after a partial reply of a topic's batch: each partition from its first failure on.

The rule alone, as ``bisecting.py`` has it for a shard: what is before the failure is done, what is
behind it comes again with it. From here on the partitions of the batch go their own ways, so that
one which fails again holds up no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from worker_runtime.local.stage.polling.bisecting import Next, Piece, after_partial

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker_runtime.local.stage.polling.staged_records import StagedRecord


@dataclass(frozen=True, slots=True)
class Parted:
    """What of a batch is done, and how each partition that failed goes on."""

    done: tuple[StagedRecord, ...]
    following: tuple[Next[StagedRecord], ...]


def parted(piece: Piece[StagedRecord], failed: Collection[str], *, retries: int) -> Parted:
    """Decide after a reply that names these ids; the records of a partition stand together, in order."""
    done: list[StagedRecord] = []
    following: list[Next[StagedRecord]] = []
    for _, group in groupby(piece.records, key=lambda record: record.lane):
        records = tuple(group)
        at = next((at for at, record in enumerate(records) if record.id in failed), None)
        done += records[:at]
        if at is not None:
            following.append(after_partial(Piece(records, piece.spent), at, retries=retries))
    return Parted(tuple(done), tuple(following))
