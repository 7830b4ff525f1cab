"""Hands batches and events to a worker and tells what Lambda would read in the answer; all pollers use it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import uuid4

from worker_runtime.local.stage.execution.answers import Crashed, InitFailed, Reply, Throttled
from worker_runtime.local.stage.lineage.happenings import Ended, EventHandedOver, HandedOver, Struck
from worker_runtime.local.stage.lineage.journal import NO_JOURNAL
from worker_runtime.local.stage.parts.part import PartBroken
from worker_runtime.local.stage.polling.batches import AllDone, Reading
from worker_runtime.local.stage.polling.event_form import RECORDS
from worker_runtime.local.stage.polling.mishap import befallen
from worker_runtime.local.stage.polling.staged_records import PAYLOAD_BYTES
from worker_runtime.local.stage.polling.victims import Victims

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker_runtime.local.stage.counting import Tally
    from worker_runtime.local.stage.execution.answers import Answer
    from worker_runtime.local.stage.execution.invocations import Report
    from worker_runtime.local.stage.lineage.happenings import AccidentKind, Happening
    from worker_runtime.local.stage.lineage.journal import Journal
    from worker_runtime.local.stage.polling.event_form import EventForm
    from worker_runtime.local.stage.polling.mishap import Mischief, Mishap
    from worker_runtime.local.stage.polling.staged_records import StagedRecord

TIMEOUT_S: Final = 3.0  # Lambda's, where a function says nothing

_LAST = 1_000
"""Counts as so many receives what nothing but a dead letter can follow."""


class Invoker(Protocol):
    """Runs one function on an event and waits for its end: an executor, or a function in this process."""

    def invoke(self, event: Any, *, request_id: str | None = None) -> Report:
        """Run it on ``event``, JSON as bytes."""

    def kill_one(self, *, in_flight: bool = True) -> int | None:
        """Kill what runs it in the middle of an invocation; the process id, None where nothing runs."""

    def stop(self) -> None:
        """End what is under way and start nothing more."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """How a batch was taken; ``reading`` is None where nothing was started (throttled, stopped)."""

    request_id: str
    reading: Reading | None


class Delivery:
    """The way to one worker; for many threads."""

    def __init__(  # noqa: PLR0913 - to whom, what it may suffer, who hears of it
        self,
        worker_id: str,
        *,
        invoker: Invoker,
        tally: Tally,
        accidents: Mischief,
        journal: Journal = NO_JOURNAL,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Prepare; ``timeout_s`` is the function's, as Lambda tells it of a reply that never came."""
        self.worker_id = worker_id
        self._timeout_s = timeout_s
        self._journal = journal
        self._invoker = invoker
        self._tally = tally
        self._accidents = accidents
        self._lock = threading.Lock()
        self._in_flight: list[tuple[str, int]] = []  # request ids, and the most receives of each batch
        self._victims = Victims()
        self._struck: set[str] = set()  # records that a mishap has cost a try

    def hand_over(
        self, records: Sequence[StagedRecord], *, repeatable: bool, form: EventForm = RECORDS
    ) -> Delivered:
        """Invoke the worker on one batch; ``repeatable`` where AWS might deliver it twice."""
        delivered = self._invoke(records, form, mishap=self._befalling(records))
        if repeatable and isinstance(delivered.reading, AllDone) and self._accidents.repeats(self.worker_id):
            self._victims.mark([record.id for record in records], kind="duplicate")
            self._invoke(records, form, repeated=True)  # what is said changes nothing: the batch is done
        return delivered

    def late_by_s(self, records: Sequence[StagedRecord] | str) -> float:
        """Tell for how many of the stage's seconds a batch, or an event by its request id, has to wait."""
        late_s = self._accidents.late_by_s(self.worker_id)
        if late_s > 0:
            ids = [records] if isinstance(records, str) else [record.id for record in records]
            self._victims.mark(ids, kind="delay")
        return late_s

    def overtaken_for_s(self, request_id: str) -> float:
        """Tell for how many of the stage's seconds later events may go before this one."""
        overtaken_s = self._accidents.overtaken_for_s(self.worker_id)
        if overtaken_s > 0:
            self._victims.mark([request_id], kind="reorder")
        return overtaken_s

    def mixed(self, records: list[StagedRecord]) -> list[StagedRecord]:
        """Put records that promise no order into another, where that is wanted."""
        mixed = self._accidents.mixed(self.worker_id, records)
        if mixed != records:
            self._victims.mark([record.id for record in records], kind="reorder")
        return mixed

    def hand_over_event(self, event: bytes, *, request_id: str, spare: bool) -> Answer | None:
        """Invoke the worker on one event; None where the stage is being taken down.

        ``spare`` says that nothing is dead-lettered where this invocation is lost. What went well is
        delivered once more, where that is wanted, under the same id.
        """
        mishap = self._accidents.befalls(self.worker_id, bearable=spare, listed=False)
        report = self._run_event(event, request_id=request_id, receives=0 if spare else _LAST, mishap=mishap)
        if report is None:
            return None
        if isinstance(report.answer, Reply) and self._accidents.repeats(self.worker_id):
            self._victims.mark([request_id], kind="duplicate")
            self._run_event(event, request_id=request_id, receives=0, repeated=True)  # the event is done
        return report.answer

    def ask(self, event: bytes, *, request_id: str) -> Report | None:
        """Invoke the worker on one event for somebody who waits; None where the stage is being taken down."""
        return self._run_event(event, request_id=request_id, receives=_LAST)  # nobody tries it again

    def gave_up(self, *, records: int) -> None:
        """Note that Lambda dead-lettered records itself."""
        self._tally.gave_up(self.worker_id, records=records)

    def note(self, happening: Happening) -> None:
        """Note what happened to the worker's records."""
        self._journal.note(happening)

    def moved(self) -> None:
        """Note that records moved without an invocation."""
        self._tally.moved()

    def crash(self) -> bool:
        """Kill a process in the middle of a batch; False where there is none, or one was received before.

        A crash spends a receive of every message in the batch: it must not be what dead-letters them.
        """
        with self._lock:
            under_way = [request_id for request_id, _ in self._in_flight]
            fresh = bool(under_way) and max(receives for _, receives in self._in_flight) <= 1
        if not fresh:
            return False
        suspects = self._victims.suspect(under_way)
        crashed = self._invoker.kill_one() is not None
        if not crashed:
            self._victims.acquit(suspects)
        return crashed

    def _befalling(self, records: Sequence[StagedRecord]) -> Mishap | None:
        """Ask what befalls a batch; a mishap may cost a record one try, and not its last."""
        ids = {record.id for record in records}
        with self._lock:
            bearable = max(map(receives_of, records)) <= 1 and self._struck.isdisjoint(ids)
        mishap = self._accidents.befalls(self.worker_id, bearable=bearable, listed=True)
        if mishap is not None and mishap.kind != "throttle":
            with self._lock:
                self._struck |= ids
        return mishap

    def _invoke(
        self,
        records: Sequence[StagedRecord],
        form: EventForm,
        *,
        repeated: bool = False,
        mishap: Mishap | None = None,
    ) -> Delivered:
        request_id = str(uuid4())
        receives = max(map(receives_of, records))
        self.note(HandedOver(self.worker_id, request_id, records, repeated, form))
        report = self._run(
            form.event_of(records),
            request_id=request_id,
            records=len(records),
            receives=receives,
            mishap=mishap,
        )
        self._tell_earlier(report, request_id, [record.id for record in records])
        reading = None if report is None else form.read(report.answer, records)
        self.note(Ended(self.worker_id, request_id, report, reading))
        if report is None:
            return Delivered(request_id, None)
        self._ended(report, records=len(records), done=isinstance(reading, AllDone))
        return Delivered(request_id, None if isinstance(report.answer, Throttled) else reading)

    def _run_event(
        self,
        event: bytes,
        *,
        request_id: str,
        receives: int,
        repeated: bool = False,
        mishap: Mishap | None = None,
    ) -> Report | None:
        """Invoke on one event and note how it ended."""
        self.note(EventHandedOver(self.worker_id, request_id, event, repeated))
        report = self._run(event, request_id=request_id, records=1, receives=receives, mishap=mishap)
        self._tell_earlier(report, request_id, [request_id])
        self.note(Ended(self.worker_id, request_id, report))
        if report is not None:
            self._ended(report, records=1, done=isinstance(report.answer, Reply))
        return report

    def _run(
        self, event: bytes, *, request_id: str, records: int, receives: int, mishap: Mishap | None = None
    ) -> Report | None:
        """Invoke; None where the invoker is stopped: the stage is being taken down."""
        self._tally.handed_over(self.worker_id, records=records)
        with self._lock:
            self._in_flight.append((request_id, receives))
        try:
            return self._run_to_its_end(event, request_id, mishap)
        except PartBroken:
            return None
        finally:
            with self._lock:
                self._in_flight.remove((request_id, receives))
            self._victims.ended(request_id, crashed=False)

    def _run_to_its_end(self, event: bytes, request_id: str, mishap: Mishap | None) -> Report:
        invoke = partial(self._invoke_once, event, request_id)
        if mishap is None:
            return invoke()
        return befallen(
            mishap,
            request_id=request_id,
            timeout_s=self._timeout_s,
            invoke=invoke,
            kill_idle=partial(self._invoker.kill_one, in_flight=False),
            strike=partial(self._strike, mishap.kind, request_id),
        )

    def _invoke_once(self, event: bytes, request_id: str) -> Report:
        report = self._invoker.invoke(event, request_id=request_id)
        if self._victims.ended(request_id, crashed=_crashed(report.answer)):
            self._strike("crash", request_id)
        return report

    def _tell_earlier(self, report: Report | None, request_id: str, ids: Sequence[str]) -> None:
        """Note what befell an invocation before it began; where it was throttled, the next is struck."""
        if report is not None and not isinstance(report.answer, Throttled):
            for kind in self._victims.take(ids):
                self._strike(kind, request_id)

    def _strike(self, kind: AccidentKind, request_id: str) -> None:
        self.note(Struck(kind, worker=self.worker_id, request_id=request_id))

    def _ended(self, report: Report, *, records: int, done: bool) -> None:
        self._tally.ended(
            self.worker_id,
            report,
            records=records,
            crashed=_crashed(report.answer),
            failed=not done and not isinstance(report.answer, Throttled),
        )


def _crashed(answer: Answer) -> bool:
    """Whether a process ended before it answered, or before it was ready."""
    return isinstance(answer, Crashed) or (
        isinstance(answer, InitFailed) and answer.error_type == "Runtime.ExitError"
    )


def receives_of(record: StagedRecord) -> int:
    """Tell how often a queue has handed a message out; once, of what comes from no queue."""
    return int(record.raw.get("attributes", {}).get("ApproximateReceiveCount", 1))


def by_payload(
    records: Sequence[StagedRecord], *, most_bytes: int = PAYLOAD_BYTES
) -> Iterator[list[StagedRecord]]:
    """Split records, in order, so that each event stays under Lambda's 6 MB, or ``most_bytes``."""
    batch: list[StagedRecord] = []
    size = 0
    for record in records:
        if batch and size + len(record.json) > most_bytes:
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record.json)
    if batch:
        yield batch
