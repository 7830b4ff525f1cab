"""The rows of invocations: how each began and ended, its records' fates, its lines, what it caused.

Most invocations begin and end within one transaction: they are written once, when all is known of them.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from worker_runtime.local.stage.execution.answers import Throttled
from worker_runtime.local.stage.execution.invocations import trace_part
from worker_runtime.local.stage.lineage.in_hand import InHand
from worker_runtime.local.stage.lineage.judging import RUNNING, ending, fates, unjudged
from worker_runtime.local.stage.lineage.log_lines import read_line
from worker_runtime.local.stage.lineage.masked_bodies import masked_body
from worker_runtime.redaction import redact_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from worker_runtime.local.stage.lineage.calls.effects import Effect
    from worker_runtime.local.stage.lineage.happenings import Ended, Printed, Struck
    from worker_runtime.local.stage.lineage.judging import Ending, Fate
    from worker_runtime.local.stage.lineage.log_lines import Line
    from worker_runtime.local.stage.lineage.prints import Prints
    from worker_runtime.local.stage.lineage.record_rows import Entry, Moment
    from worker_runtime.local.stage.lineage.waiting_rows import WaitingRows

_ENDED: Final = 256  # invocations of which a late line may still come


class InvocationRows:
    """Enters invocations; for one thread."""

    def __init__(self, db: sqlite3.Connection, *, rows: WaitingRows, prints: Prints, redacted: bool) -> None:
        self._db = db
        self._rows = rows
        self._prints = prints
        self._redacted = redacted
        self._open: dict[str, InHand] = {}  # by request id
        self._new: list[InHand] = []  # of this transaction
        self._traces: dict[str, str] = {}  # request ids by the part of a trace that they make
        self._ended: OrderedDict[str, int] = OrderedDict()

    def begin(
        self, entries: Sequence[Entry], *, worker: str, request_id: str, repeated: bool, moment: Moment
    ) -> None:
        """Enter an invocation and its records' attempts."""
        in_hand = InHand(
            row=self._rows.new_id("invocations"),
            worker=worker,
            request_id=request_id,
            began=moment,
            repeated=repeated,
            entries=entries,
        )
        self._open[request_id] = in_hand
        self._new.append(in_hand)
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
        how = ending(ended.report, reading=ended.reading, moment=moment, redacted=self._redacted)
        judged = None
        if ended.report is not None:
            judged = fates(in_hand, answer=ended.report.answer, reading=ended.reading)
        self._close(in_hand, how, judged)

    def keep_running(self) -> None:
        """Write what has not ended, so that others see that it runs."""
        for in_hand in self._new:
            if not in_hand.written:
                self._write(in_hand, RUNNING, unjudged(in_hand))
        self._new.clear()

    def line(self, printed: Printed, *, moment: Moment) -> None:
        """Enter a line; where it tells a record's outcome, that too."""
        line = read_line(masked_body(printed.line) if self._redacted else printed.line)
        if line is None:
            return
        in_hand = self._open.get(printed.request_id or "")
        row = in_hand.row if in_hand else self._ended.get(printed.request_id or "")
        said = (line.level, line.record, line.message, line.whole)
        self._rows.add("lines", (row, printed.worker, *moment, *said))
        if in_hand is not None:
            self._hear(in_hand, line)

    def struck(self, struck: Struck, *, moment: Moment) -> None:
        """Enter an accident, to the invocation under way that it befell or at a place."""
        in_hand = self._open.get(struck.request_id)
        row = in_hand.row if in_hand else None
        self._rows.add(
            "accidents", (row, struck.request_id, *moment, struck.kind, struck.worker, struck.place)
        )

    def caused(self, effects: Sequence[Effect], *, trace: str, moment: Moment) -> None:
        """Enter what a call made, for the invocation whose trace it names."""
        in_hand = self._open.get(self._traces.get(trace, ""))
        invocation = in_hand.row if in_hand else None
        for effect in effects:
            record, known_by = in_hand.record_of(effect) if in_hand else (None, None)
            prints = None if effect.sets is None else self._prints.of(effect.sets)
            made = (effect.verb, effect.kind, effect.target, effect.thing, prints, effect.error)
            self._rows.add("caused", (invocation, record, known_by, *moment, *made))

    def records_of(self, request_id: str) -> list[int]:
        """List the rows of the records that the last invocation under a request id had."""
        self._rows.settle()
        row = self._ended.get(request_id)
        found = self._db.execute("SELECT record FROM attempts WHERE invocation = ?", (row,))
        return [int(record) for (record,) in found]

    def _hear(self, in_hand: InHand, line: Line) -> None:
        in_hand.summed_up |= line.sums_up
        if line.outcome is None:
            return
        for entry in in_hand.entries:
            if line.record == redact_text(entry.id):
                in_hand.told[entry.id] = (line.outcome, line.reason)
                self._db.execute(
                    "UPDATE attempts SET outcome = ?, reason = ? WHERE invocation = ? AND record = ?",
                    (line.outcome, line.reason, in_hand.row, entry.row),
                )

    def _take_back(self, in_hand: InHand, moment: Moment) -> None:
        """Leave no invocation where nothing was started; throttles in a row are one step."""
        in_hand.written = True
        self._rows.settle()
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
                self._rows.add("steps", (entry.row, *moment, "throttled", None, "1", None))
                self._rows.settle()

    def _close(self, in_hand: InHand, how: Ending, judged: Sequence[Fate] | None) -> None:
        if not in_hand.written:
            self._write(in_hand, how, unjudged(in_hand) if judged is None else judged)
            return
        self._db.execute(
            "UPDATE invocations SET ended_at = ?, ended_wall = ?, took_ms = ?, init_ms = ?, answer = ?,"
            " error = ?, reading = ? WHERE id = ?",
            (*how, in_hand.row),
        )
        if judged is not None:
            self._judge(in_hand, judged)

    def _judge(self, in_hand: InHand, judged: Sequence[Fate]) -> None:
        """Say what became of records that were written before; mostly the same of all."""
        update = "UPDATE attempts SET done = ?, outcome = coalesce(outcome, ?) WHERE invocation = ?"
        if len(set(judged)) == 1:
            self._db.execute(update, (*judged[0][:2], in_hand.row))
            return
        self._db.executemany(
            f"{update} AND record = ?",
            [
                (*fate[:2], in_hand.row, entry.row)
                for fate, entry in zip(judged, in_hand.entries, strict=True)
            ],
        )

    def _write(self, in_hand: InHand, how: Ending, judged: Sequence[Fate]) -> None:
        in_hand.written = True
        began = (in_hand.row, in_hand.worker, in_hand.request_id, *in_hand.began, int(in_hand.repeated))
        self._rows.add("invocations", (*began, *how))
        self._rows.add(
            "attempts",
            *(
                (in_hand.row, entry.row, entry.receives, *fate)
                for entry, fate in zip(in_hand.entries, judged, strict=True)
            ),
        )
