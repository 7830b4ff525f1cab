"""A stream's reply and effects: the lowest failed record is where AWS goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from worker_runtime.errors import BatchFailed, text_of
from worker_runtime.outcomes import Failed, Family, Outcome, Rejected
from worker_runtime.sources import all_over, item_failures, redelivered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime.effects import Effect
    from worker_runtime.records import Record


class Lettered(Protocol):
    """A stream source with dead letters."""

    @property
    def kind(self) -> str:
        """Its name in the envelope."""

    @property
    def dead_letters(self) -> str | None:
        """The queue of its dead letters."""

    @property
    def spill_bucket(self) -> str | None:
        """The bucket for what no message can carry."""

    @property
    def on_failure(self) -> str:
        """``repeat`` where one failed record repeats all."""


def checkpoint(records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> int | None:
    """Find the position of the lowest sequence number that has to come again; None where none has."""
    if all_over(Family.STREAM, outcomes):
        return None
    again = [at for at, outcome in enumerate(outcomes) if redelivered(Family.STREAM, outcome)]
    return min(again, key=lambda at: sequence(records[at]), default=None)


def sequence(record: Record[Any]) -> int:
    """Return a record's sequence number; raise where it has none, since no checkpoint could name it."""
    try:
        return int(record.id)
    except (TypeError, ValueError):
        raise BatchFailed(f"{record.id!r} is no sequence number; the whole batch has to come again") from None


def stream_reply(records: Sequence[Record[Any]], outcomes: Sequence[Outcome], *, whole: bool = False) -> Any:
    """Name the checkpoint; raise where it is the first of several, so that bisect halves the batch.

    A checkpoint at the first record would be no progress, would not halve, and when the retries end
    everything behind it would be discarded with it. A ``whole`` batch is raised wherever it failed.
    """
    at = checkpoint(records, outcomes)
    if at is None:
        return item_failures(())
    is_first = sequence(records[at]) == min(map(sequence, records))
    if whole or (len(records) > 1 and is_first):
        failed = outcomes[at]
        cause = failed.error if isinstance(failed, Failed) else None
        why = "it was not started" if cause is None else text_of(cause)
        which = f", the first of {len(records)}," if is_first else f" of {len(records)}"
        raise BatchFailed(f"record {records[at].id}{which} failed: {why}") from cause
    return item_failures((records[at].id,))


def stream_effects(
    source: Lettered, records: Sequence[Record[Any]], outcomes: Sequence[Outcome], *, worker: str
) -> list[Effect]:
    """Write the dead letters before the checkpoint; what is at or behind it comes again anyway.

    Where one failure repeats all, all comes again.
    """
    from worker_runtime.dead_letters import Postbox, Reason, enveloped  # noqa: PLC0415 - seldom needed

    at = checkpoint(records, outcomes)
    if at is not None and source.on_failure == "repeat":
        return []
    limit = None if at is None else sequence(records[at])
    listed: list[Effect] = []
    for position, (record, outcome) in enumerate(zip(records, outcomes, strict=True)):
        if not isinstance(outcome, Rejected) or outcome.written or source.dead_letters is None:
            continue
        if limit is None or sequence(record) < limit:
            reason = Reason.of(record, outcome, worker=worker, source=source.kind)
            box = Postbox(queue=source.dead_letters, spill_bucket=source.spill_bucket)
            listed.append(enveloped(position, record, reason=reason, to=box))
    return listed
