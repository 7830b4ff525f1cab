"""What a stage hands to its workers, written to a recording; beside the lineage, which keeps no whole events.

The lineage knows each record's way, but its bodies are masked and cut and it has neither attributes nor
receipt handles: no event could be made of it again. So a recording is made while the stage runs, where it
is asked for, by a journal that hears what the lineage hears.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from worker_runtime.local.recording.entering import Taken, entered
from worker_runtime.local.recording.files import RecordingFile
from worker_runtime.local.recording.lines import Head
from worker_runtime.local.stage.execution.answers import Throttled
from worker_runtime.local.stage.lineage.happenings import Ended, EventHandedOver, HandedOver
from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.polling.event_form import RECORDS

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.lineage.happenings import Happening
    from worker_runtime.local.stage.lineage.journal import Journal

_log = logging.getLogger(__name__)


class StageRecorder(Part):
    """``Journal`` that writes each invocation when it has ended, and passes everything on to another."""

    def __init__(self, path: Path, *, journal: Journal, clock: Clock, in_clear: bool) -> None:
        head = Head(at=clock.now(), wall=time.time(), origin="stage", in_clear=in_clear)
        self._file = RecordingFile(path, head=head)
        self._journal = journal
        self._clock = clock
        self._in_clear = in_clear
        self._lock = threading.Lock()
        self._open: dict[str, Taken] = {}  # by request id

    def start(self) -> Self:
        """Make the file; raises Misuse where it is there already or cannot be made."""
        self._file.start()
        return self

    def stop(self) -> None:
        """Close the file; what has not ended until now is not in it."""
        self._file.stop()

    def note(self, happening: Happening) -> None:
        """Note what happened just now."""
        self._journal.note(happening)
        match happening:
            case HandedOver() | EventHandedOver():
                with self._lock:
                    self._open[happening.request_id] = self._taken(happening)
            case Ended(request_id=request_id):
                with self._lock:
                    taken = self._open.pop(request_id, None)
                if taken is not None and not _throttled(happening):
                    self._write(taken, happening)

    def _taken(self, happening: HandedOver | EventHandedOver) -> Taken:
        ids = None
        if isinstance(happening, HandedOver):
            ids = _in_event_order(happening)
            event = happening.form.event_of(happening.records)
        else:
            event = happening.event
        return Taken(
            event=event,
            at=self._clock.now(),
            wall=time.time(),
            worker=happening.worker,
            request_id=happening.request_id,
            repeated=happening.repeated,
            ids=ids,
        )

    def _write(self, taken: Taken, happening: Ended) -> None:
        """Write an event; one that cannot be told costs nothing but itself."""
        try:
            self._file.write(entered(taken, in_clear=self._in_clear, report=happening.report, ended=True))
        except Exception:  # noqa: BLE001 - a worker may be sent and may print anything; no stage ends for that
            _log.exception("an event of %s is missing in the recording", taken.worker)


def _in_event_order(happening: HandedOver) -> list[str]:
    """List the ids of a batch as its event does: a topic's stand below their partitions."""
    records = happening.records
    if happening.form is RECORDS:
        return [record.id for record in records]
    lanes: dict[str, list[str]] = {}
    for record in records:
        lanes.setdefault(record.lane, []).append(record.id)
    return [each for ids in lanes.values() for each in ids]


def _throttled(happening: Ended) -> bool:
    """Whether nothing was started."""
    return happening.report is not None and isinstance(happening.report.answer, Throttled)
