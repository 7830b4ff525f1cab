"""The rows of invocations: how each began and ended, its records' fates, its lines, what it caused."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

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
from worker_runtime.local.stage.execution.invocations import trace_part
from worker_runtime.local.stage.lineage.in_hand import InHand
from worker_runtime.local.stage.lineage.log_lines import read_line
from worker_runtime.local.stage.polling.batches import AllDone, BatchFailed, SomeFailed
from worker_runtime.redaction import redact_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from worker_runtime.local.stage.execution.answers import Answer
    from worker_runtime.local.stage.execution.invocations import Report
    from worker_runtime.local.stage.lineage.calls.effects import Effect
    from worker_runtime.local.stage.lineage.happenings import Ended, Printed, Struck
    from worker_runtime.local.stage.lineage.log_lines import Line
    from worker_runtime.local.stage.lineage.prints import Prints
    from worker_runtime.local.stage.lineage.record_rows import Entry, Moment
    from worker_runtime.local.stage.polling.batches import Reading

_ENDED: Final = 256  # invocations of which a late line may still come

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


class InvocationRows:
    """Enters invocations; for one thread."""

    def __init__(self, db: sqlite3.Connection, *, prints: Prints, redacted: bool) -> None:
        self._db = db
        self._prints = prints
        self._redacted = redacted
        self._open: dict[str, InHand] = {}  # by request id
        self._traces: dict[str, str] = {}  # request ids by the part of a trace that they make
        self._ended: OrderedDict[str, int] = OrderedDict()

    def begin(
        self, entries: Sequence[Entry], *, worker: str, request_id: str, repeated: bool, moment: Moment
    ) -> None:
        """Enter an invocation and its records' attempts."""
        row = self._db.execute(
            "INSERT INTO invocations (worker, request, at, wall, repeated) VALUES (?, ?, ?, ?, ?)",
            (worker, request_id, *moment, int(repeated)),
        ).lastrowid
        assert row is not None  # noqa: S101 - one row was inserted
        self._db.executemany(
            "INSERT OR IGNORE INTO attempts (invocation, record, receives) VALUES (?, ?, ?)",
            [(row, entry.row, entry.receives) for entry in entries],
        )
        self._open[request_id] = InHand(row, worker, entries)
        self._traces[trace_part(request_id)] = request_id

    def end(self, ended: Ended, *, moment: Moment) -> None:
        """Enter how an invocation ended, and what Lambda and the worker say of its records."""
        in_hand = self._open.pop(ended.request_id, None)
        if in_hand is None:
            return
        self._traces.pop(trace_part(ended.request_id), None)
        self._ended[ended.request_id] = in_hand.row
        if len(self._ended) > _ENDED:
            self._ended.popitem(last=False)
        if ended.report is not None and isinstance(ended.report.answer, Throttled):
            self._take_back(in_hand, moment)
            return
        self._close(in_hand, ended.report, ended.reading, moment)
        if ended.report is not None:
            self._judge(in_hand, ended.report.answer, ended.reading)

    def line(self, printed: Printed, *, moment: Moment) -> None:
        """Enter a line; where it tells a record's outcome, that too."""
        line = read_line(masked(printed.line) if self._redacted else printed.line)
        if line is None:
            return
        in_hand = self._open.get(printed.request_id or "")
        row = in_hand.row if in_hand else self._ended.get(printed.request_id or "")
        self._db.execute(
            "INSERT INTO lines (invocation, worker, at, wall, level, record, message, line)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (row, printed.worker, *moment, line.level, line.record, line.message, line.whole),
        )
        if in_hand is not None:
            self._hear(in_hand, line)

    def struck(self, struck: Struck, *, moment: Moment) -> None:
        """Enter an accident, to the invocation under way that it befell or at a place."""
        in_hand = self._open.get(struck.request_id)
        row = in_hand.row if in_hand else None
        self._db.execute(
            "INSERT INTO accidents (invocation, request, at, wall, kind, worker, place)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (row, struck.request_id, *moment, struck.kind, struck.worker, struck.place),
        )

    def caused(self, effects: Sequence[Effect], *, trace: str, moment: Moment) -> None:
        """Enter what a call made, for the invocation whose trace it names."""
        in_hand = self._open.get(self._traces.get(trace, ""))
        rows = []
        for effect in effects:
            record, known_by = in_hand.record_of(effect) if in_hand else (None, None)
            invocation = in_hand.row if in_hand else None
            prints = None if effect.sets is None else self._prints.of(effect.sets)
            made = (effect.verb, effect.kind, effect.target, effect.thing, prints, effect.error)
            rows.append((invocation, record, known_by, *moment, *made))
        self._db.executemany(
            "INSERT INTO caused (invocation, record, known_by, at, wall, verb, kind, target, thing, prints,"
            " error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def records_of(self, request_id: str) -> list[int]:
        """List the rows of the records that the last invocation under a request id had."""
        row = self._ended.get(request_id)
        found = self._db.execute("SELECT record FROM attempts WHERE invocation = ?", (row,))
        return [int(record) for (record,) in found]

    def _hear(self, in_hand: InHand, line: Line) -> None:
        in_hand.summed_up |= line.sums_up
        if line.outcome is None:
            return
        for entry in in_hand.entries:
            if line.record == redact_text(entry.id):
                in_hand.told.add(entry.id)
                self._db.execute(
                    "UPDATE attempts SET outcome = ?, reason = ? WHERE invocation = ? AND record = ?",
                    (line.outcome, line.reason, in_hand.row, entry.row),
                )

    def _take_back(self, in_hand: InHand, moment: Moment) -> None:
        """Leave no invocation where nothing was started; throttles in a row are one step."""
        self._db.execute("DELETE FROM attempts WHERE invocation = ?", (in_hand.row,))
        self._db.execute("UPDATE accidents SET invocation = NULL WHERE invocation = ?", (in_hand.row,))
        self._db.execute("DELETE FROM invocations WHERE id = ?", (in_hand.row,))
        for entry in in_hand.entries:
            last = self._db.execute(
                "SELECT id, kind, detail FROM steps WHERE record = ? ORDER BY id DESC LIMIT 1", (entry.row,)
            ).fetchone()
            if last is not None and last[1] == "throttled":
                self._db.execute("UPDATE steps SET detail = ? WHERE id = ?", (str(int(last[2]) + 1), last[0]))
            else:
                self._db.execute(
                    "INSERT INTO steps (record, at, wall, kind, detail) VALUES (?, ?, ?, 'throttled', '1')",
                    (entry.row, *moment),
                )

    def _close(self, in_hand: InHand, report: Report | None, reading: Reading | None, moment: Moment) -> None:
        answer = None if report is None else report.answer
        error = f"{answer.error_type}: {answer.message}" if isinstance(answer, Failure) else None
        if isinstance(reading, BatchFailed) and error is None:
            error = reading.reason
        self._db.execute(
            "UPDATE invocations SET ended_at = ?, ended_wall = ?, took_ms = ?, init_ms = ?, answer = ?,"
            " error = ?, reading = ? WHERE id = ?",
            (
                *moment,
                None if report is None else round(report.duration_s * 1000, 3),
                None if report is None else round(report.init_s * 1000, 3),
                "stopped" if answer is None else _ANSWERS.get(type(answer), "failed"),
                masked(error) if self._redacted else error,
                _READINGS.get(type(reading)),
                in_hand.row,
            ),
        )

    def _judge(self, in_hand: InHand, answer: Answer, reading: Reading | None) -> None:
        """Say whether Lambda took each record for done, and what follows where the worker said nothing."""
        undone = _undone(in_hand.entries, answer, reading)
        failed = reading.ids if isinstance(reading, SomeFailed) else frozenset[str]()
        for entry in in_hand.entries:
            outcome = None
            if entry.id not in in_hand.told:
                if entry.id in failed:
                    outcome = "retry"
                elif entry.id not in undone or in_hand.summed_up:
                    outcome = "done"
            self._db.execute(
                "UPDATE attempts SET done = ?, outcome = coalesce(outcome, ?)"
                " WHERE invocation = ? AND record = ?",
                (int(entry.id not in undone), outcome, in_hand.row, entry.row),
            )


def _undone(entries: Sequence[Entry], answer: Answer, reading: Reading | None) -> set[str]:
    """List the records that Lambda does not take for done; a stream goes on from the first of them."""
    everything = {entry.id for entry in entries}
    match reading:
        case AllDone():
            return set()
        case SomeFailed(ids=ids):
            if entries[0].source.startswith("arn:aws:sqs:"):
                return set(ids)
            return _from_first_failed(entries, ids)
        case None if isinstance(answer, Reply):
            return set()
    return everything


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
