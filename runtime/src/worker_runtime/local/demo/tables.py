"""The workers' counts, laid out for people: lines that fit the terminal and cut nothing off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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

PLAIN_WIDTH: Final = 100
"""How wide lines are where there is no terminal to fit."""

_GAPS: Final = (2, 1)  # the wider where it fits
_INDENT: Final = "  "
_TENTHS_BELOW_S: Final = 100


def table_lines(workers: Mapping[str, WorkerCounts], *, width: int) -> list[str]:
    """Lay out the headings and a line a worker; where that is too wide, numbers stand under the names."""
    names = ["worker", *workers]
    numbers = _aligned([(*HEADINGS.values(), "time"), *map(_numbers, workers.values())])
    longest = max(map(len, names))
    for gap in _GAPS:
        lines = [
            (" " * gap).join((name.ljust(longest), *cells))
            for name, cells in zip(names, numbers, strict=True)
        ]
        if len(lines[0]) <= width:
            return lines
    return [
        line for name, cells in zip(names, numbers, strict=True) for line in (name, _INDENT + " ".join(cells))
    ]


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


def _aligned(rows: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    columns = [[cell.rjust(max(map(len, column))) for cell in column] for column in zip(*rows, strict=True)]
    return list(zip(*columns, strict=True))
