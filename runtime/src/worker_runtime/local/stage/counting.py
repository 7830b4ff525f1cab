"""What each worker of a stage has done so far, from its replies and from the metrics it prints."""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from worker_runtime.local.stage.execution.invocations import Report

_METRICS = {
    "RecordsRetried": "retries",
    "RecordsDeferred": "deferred",
    "RecordsSkipped": "skipped",
    "RecordsDeadLettered": "dead_letters",
    "RecordsUnstarted": "unstarted",
}


class WorkerCounts(Struct, frozen=True, kw_only=True, rename="camel"):
    """One worker's counts; a record is counted each time that it is handed over.

    ``retries`` are records that failed or whose invocation did, ``dead_letters`` those that the
    worker rejected and those that Lambda gave up, ``busy_s`` is the machine's time.
    """

    invocations: int = 0
    records: int = 0
    retries: int = 0
    deferred: int = 0
    skipped: int = 0
    dead_letters: int = 0
    unstarted: int = 0
    crashes: int = 0
    busy_s: float = 0.0


class Tally:
    """Counts by worker; safe to use from many threads."""

    def __init__(self, worker_ids: Iterable[str], *, news: Callable[[], None] = lambda: None) -> None:
        """Count for these workers; ``news`` is told whenever something has happened."""
        self._news = news
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[str]] = {each: Counter() for each in worker_ids}
        self._busy_s: Counter[str] = Counter()
        self._measured: set[str] = set()
        self._moves = 0

    @property
    def moves(self) -> int:
        """Grows with all that happens: who reads it twice alike has missed nothing in between."""
        with self._lock:
            return self._moves

    def moved(self) -> None:
        """Note that something is under way that no count shows."""
        with self._moving():
            pass

    def handed_over(self, worker_id: str, *, records: int) -> None:
        """Note that an invocation begins."""
        with self._moving():
            self._counts[worker_id].update(invocations=1, records=records)

    def ended(self, worker_id: str, report: Report, *, records: int, crashed: bool, failed: bool) -> None:
        """Note how an invocation ended; where it printed no metrics all its records are retries."""
        with self._moving():
            measured = report.request_id in self._measured
            self._measured.discard(report.request_id)
            retried = records if failed and not measured else 0
            self._counts[worker_id].update(crashes=int(crashed), retries=retried)
            self._busy_s[worker_id] += report.duration_s  # type: ignore[assignment]  # a Counter adds floats as well

    def gave_up(self, worker_id: str, *, records: int) -> None:
        """Note that Lambda itself dead-lettered records."""
        with self._moving():
            self._counts[worker_id].update(dead_letters=records)

    def read_line(self, line: str, request_id: str | None) -> None:
        """Count what a worker's line of metrics says; other lines say nothing."""
        metrics = _metrics(line)
        if metrics is None:
            return
        counted = {ours: _sum(metrics[theirs]) for theirs, ours in _METRICS.items() if theirs in metrics}
        with self._lock:
            counts = self._counts.get(str(metrics.get("worker")))
            if counts is None:
                return
            counts.update(counted)
            if request_id is not None:
                self._measured.add(request_id)

    def by_worker(self) -> dict[str, WorkerCounts]:
        """Return the counts as they are now."""
        names = [name for name in WorkerCounts.__struct_fields__ if name != "busy_s"]
        with self._lock:
            return {
                worker_id: WorkerCounts(
                    **{name: counts[name] for name in names}, busy_s=float(self._busy_s[worker_id])
                )
                for worker_id, counts in self._counts.items()
            }

    @contextmanager
    def _moving(self) -> Iterator[None]:
        with self._lock:
            self._moves += 1
            yield
        self._news()


def _metrics(line: str) -> Mapping[str, Any] | None:
    if not line.startswith('{"_aws"'):
        return None
    try:
        read = json.loads(line)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _sum(value: Any) -> int:
    return int(sum(value)) if isinstance(value, list) else int(value)
