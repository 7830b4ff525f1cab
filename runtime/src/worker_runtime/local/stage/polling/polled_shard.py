"""One shard as a poller reads it: a thread that reads and filters, and the lanes that it fills."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

from botocore.exceptions import BotoCoreError, ClientError

from worker_runtime.local.stage.lineage.happenings import Received, Refused
from worker_runtime.local.stage.polling.paces import BROKEN_S, POLL_S
from worker_runtime.local.stage.threads.real import REAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.filters import Filters
    from worker_runtime.local.stage.lineage.happenings import Happening
    from worker_runtime.local.stage.polling.feeds import Shape
    from worker_runtime.local.stage.polling.shards import ShardReader
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.local.stage.polling.stream_lane import StreamLane
    from worker_runtime.local.stage.polling.stream_progress import StreamProgress
    from worker_runtime.local.stage.threads.threads import Flag, Threads


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardEnds:
    """What becomes of records on their way from the shard to its lanes.

    ``moved`` is told of each arrival, ``closed`` when a closed shard is worked off, which may fail as
    reading may. ``ahead`` records may wait in a lane. ``note`` is the journal's.
    """

    worker_id: str
    shape: Shape
    filters: Filters
    moved: Callable[[], None]
    closed: Callable[[], None]
    ahead: int
    note: Callable[[Happening], None]


class PolledShard:
    """Reads one shard until ``quit`` is set or the shard is at its end."""

    def __init__(  # noqa: PLR0913 - what is read, where it goes, and two parts of the stage
        self,
        reader: ShardReader,
        *,
        lanes: Sequence[StreamLane],
        progress: StreamProgress,
        ends: ShardEnds,
        quit: Flag,  # noqa: A002 - what it is
        threads: Threads = REAL,
    ) -> None:
        self._reader = reader
        self._lanes = lanes
        self._progress = progress
        self._ends = ends
        self._quit = quit
        self._threads = threads
        self._more_waits = False  # the last page was not the last that there is
        self.worked_off = False  # closed, and all of it done
        self._reading = threading.Lock()  # what was read is outstanding before anybody looks
        self._thread = threads.thread(self._read_on, name="stream-reader")

    def start(self) -> None:
        """Begin to read and to hand over."""
        for lane in self._lanes:
            lane.start()
        self._thread.start()

    def join(self) -> None:
        """Wait for the end, once ``quit`` is set."""
        self._thread.join()
        for lane in self._lanes:
            lane.join()

    def busy(self) -> bool:
        """Whether a record is unread or not done, or the shard's end is not dealt with."""
        if self.worked_off:
            return False
        try:
            with self._reading:
                unread = self._reader.has_unread()
        except (BotoCoreError, ClientError):  # nobody knows; the reader tells why
            return True
        return unread or self._reader.closed or self._progress.outstanding > 0

    def _read_on(self) -> None:
        shortest_s, longest_s = POLL_S
        pause_s = shortest_s
        while not self._quit.is_set():
            if not self._more_waits and self._threads.look_again(self._quit, within_s=pause_s):
                return
            self._more_waits = False
            try:
                ahead = self._is_ahead()
                records = [] if ahead else self._read()
                self._share_out(records)
                if self._reader.closed and not self._progress.outstanding:
                    self._ends.closed()
                    self.worked_off = True
                    return
            except (BotoCoreError, ClientError) as error:
                pause_s = BROKEN_S
                _log.warning("shard %s cannot be read: %s", self._reader.shard_id, error)
            else:
                pause_s = shortest_s if records or ahead else min(pause_s * 2, longest_s)

    def _is_ahead(self) -> bool:
        return any(lane.waiting() >= self._ends.ahead for lane in self._lanes)

    def _read(self) -> list[StagedRecord]:
        with self._reading:
            found = self._reader.read()
            records = [self._ends.shape(each) for each in found]
            self._more_waits = bool(found) and self._reader.behind
            self._progress.read(record.id for record in records)
        return records

    def _share_out(self, records: Sequence[StagedRecord]) -> None:
        """Fill the lanes; what no filter takes is done."""
        if not records:
            return
        self._ends.moved()
        self._ends.note(Received(self._ends.worker_id, records))
        dropped: list[StagedRecord] = []
        shares: dict[int, list[StagedRecord]] = {}
        for record in records:
            if self._ends.filters.takes(record.raw):
                shares.setdefault(crc32(record.lane.encode()) % len(self._lanes), []).append(record)
            else:
                dropped.append(record)
        for at, share in shares.items():
            self._lanes[at].put(share)
        if dropped:
            self._ends.note(Refused(self._ends.worker_id, dropped, self._ends.filters))
        self._progress.finish(record.id for record in dropped)
        self._ends.moved()
