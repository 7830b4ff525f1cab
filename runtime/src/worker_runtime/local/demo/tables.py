"""The workers' counts, laid out for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.local.stage.counting import WorkerCounts

COUNTED: Final = ("invocations", "records", "retries", "deferred", "skipped", "dead_letters", "crashes")
COLUMNS: Final = ("worker", *(name.replace("_", " ") for name in COUNTED), "time")
"""The headings; ``time`` is what a worker's invocations took on this machine together."""


def rows(workers: Mapping[str, WorkerCounts]) -> list[tuple[str, ...]]:
    """Word one row a worker under ``COLUMNS``, numbers to the right."""
    return [_row(worker_id, counts) for worker_id, counts in workers.items()]


def worker_table(workers: Mapping[str, WorkerCounts]) -> Table:
    """Lay the rows out."""
    table = Table(*COLUMNS, box=box.SIMPLE, header_style="bold", pad_edge=False)
    for row in rows(workers):
        table.add_row(*row)
    return table


def counted(workers: Mapping[str, WorkerCounts]) -> str:
    """Word the counts in one line, leaving out what has not occurred."""
    return "carried: " + "; ".join(f"{worker_id} {_some(counts)}" for worker_id, counts in workers.items())


def _row(worker_id: str, counts: WorkerCounts) -> tuple[str, ...]:
    numbers = [*(str(getattr(counts, name)) for name in COUNTED), f"{counts.busy_s:.1f} s"]
    return worker_id, *(text.rjust(len(column)) for text, column in zip(numbers, COLUMNS[1:], strict=True))


def _some(counts: WorkerCounts) -> str:
    named = ((getattr(counts, name), name.replace("_", " ")) for name in COUNTED)
    return ", ".join(f"{count} {what}" for count, what in named if count) or "nothing yet"
