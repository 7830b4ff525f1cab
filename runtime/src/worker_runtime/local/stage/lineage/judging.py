"""What is said of an invocation that ended: how it did, and of each record whether it is done and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.recording.masking import masked
from worker_runtime.local.stage.execution.answers import (
    Crashed,
    Failure,
    FunctionError,
    InitFailed,
    Reply,
    RequestTooLarge,
    Throttled,
    TimedOut,
)
from worker_runtime.local.stage.polling.batches import AllDone, BatchFailed, SomeFailed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from worker_runtime.local.stage.execution.answers import Answer
    from worker_runtime.local.stage.execution.invocations import Report
    from worker_runtime.local.stage.lineage.in_hand import InHand
    from worker_runtime.local.stage.lineage.record_rows import Entry, Moment
    from worker_runtime.local.stage.polling.batches import Reading

    Ending = tuple[Any, ...]  # the columns of an invocation from ``ended_at`` on
    Fate = tuple[int | None, str | None, str | None]  # of an attempt: done, outcome, reason

_ANSWERS: Final = {
    Reply: "reply",
    FunctionError: "function error",
    TimedOut: "timed out",
    Crashed: "crashed",
    InitFailed: "init failed",
    Throttled: "throttled",
    RequestTooLarge: "too large",
}
_READINGS: Final = {AllDone: "all done", SomeFailed: "some failed", BatchFailed: "all failed"}

RUNNING: Final = (None,) * 7
"""The ending of what has none yet."""


def ending(report: Report | None, *, reading: Reading | None, moment: Moment, redacted: bool) -> Ending:
    """Tell how an invocation ended; ``report`` is None where the stage was taken down."""
    answer = None if report is None else report.answer
    error = f"{answer.error_type}: {answer.message}" if isinstance(answer, Failure) else None
    if isinstance(reading, BatchFailed) and error is None:
        error = reading.reason
    return (
        *moment,
        None if report is None else round(report.duration_s * 1000, 3),
        None if report is None else round(report.init_s * 1000, 3),
        "stopped" if answer is None else _ANSWERS.get(type(answer), "failed"),
        masked(error) if redacted else error,
        _READINGS.get(type(reading)),
    )


def unjudged(in_hand: InHand) -> list[Fate]:
    """Say what the worker itself said of each record."""
    return [(None, *in_hand.told.get(entry.id, (None, None))) for entry in in_hand.entries]


def fates(in_hand: InHand, *, answer: Answer, reading: Reading | None) -> list[Fate]:
    """Judge each record; its outcome follows where the worker said nothing of it."""
    undone = _undone(in_hand.entries, answer, reading)
    failed = reading.ids if isinstance(reading, SomeFailed) else frozenset[str]()
    return [
        (
            int(entry.id not in undone),
            *in_hand.told.get(entry.id, (_follows(entry.id, in_hand, failed=failed, undone=undone), None)),
        )
        for entry in in_hand.entries
    ]


def _follows(
    record_id: str, in_hand: InHand, *, failed: Collection[str], undone: Collection[str]
) -> str | None:
    if record_id in failed:
        return "retry"
    return "done" if record_id not in undone or in_hand.summed_up else None


def _undone(entries: Sequence[Entry], answer: Answer, reading: Reading | None) -> set[str]:
    """List the records that Lambda does not take for done; a stream goes on from the first of them."""
    match reading:
        case AllDone():
            return set()
        case SomeFailed(ids=ids):
            if entries[0].source.startswith("arn:aws:sqs:"):
                return set(ids)
            return _from_first_failed(entries, ids)
        case None if isinstance(answer, Reply):
            return set()
    return {entry.id for entry in entries}


def _from_first_failed(entries: Sequence[Entry], failed: Collection[str]) -> set[str]:
    """List the first failed record and all behind it, of a topic in each of its partitions."""
    stopped: set[str] = set()
    undone: set[str] = set()
    for entry in entries:
        if entry.id in failed:
            stopped.add(entry.source)
        if entry.source in stopped:
            undone.add(entry.id)
    return undone
