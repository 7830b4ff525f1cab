"""The workers' counts, laid out for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker_runtime.local.commands.number_lines import number_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.local.stage.counting import WorkerCounts

HEADINGS: Final[Mapping[str, str]] = {
    "invocations": "calls",
    "records": "records",
    "retries": "retries",
    "deferred": "deferred",
    "skipped": "skipped",
    "dead_letters": "dead",
    "crashes": "crashes",
}
"""Each count that is shown, and the word over it; ``time`` follows them."""

LEGEND: Final = "records: deliveries, repeats included; time: spent inside the workers."

_TENTHS_BELOW_S: Final = 100


def table_lines(workers: Mapping[str, WorkerCounts], *, width: int) -> list[str]:
    """Lay out the headings and a line a worker; where that is too wide, numbers stand under the names."""
    rows = {worker_id: _numbers(counts) for worker_id, counts in workers.items()}
    return number_lines("worker", (*HEADINGS.values(), "time"), rows, width=width)


def counted(workers: Mapping[str, WorkerCounts]) -> str:
    """Word in one line what all workers have done together, leaving out what has not occurred."""
    totals = (
        (heading, sum(getattr(counts, name) for counts in workers.values()))
        for name, heading in HEADINGS.items()
    )
    return "carried: " + (", ".join(f"{heading} {total}" for heading, total in totals if total) or "nothing")


def _numbers(counts: WorkerCounts) -> tuple[str, ...]:
    decimals = 1 if counts.busy_s < _TENTHS_BELOW_S else 0
    return *(str(getattr(counts, name)) for name in HEADINGS), f"{counts.busy_s:.{decimals}f}s"
