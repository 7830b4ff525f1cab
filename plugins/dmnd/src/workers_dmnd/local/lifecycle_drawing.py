"""The life of a notification as people read it: a diagram and a table, made from ``transitions``; no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers_dmnd.models import Status
from workers_dmnd.transitions import FINAL, TRANSITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers_dmnd.transitions import Transition

BEGINS: Final = "<!-- lifecycle: made by `workers dmnd lifecycle --write` from transitions.py -->"
ENDS: Final = "<!-- /lifecycle -->"
OUTSIDE: Final = "[*]"
"""Mermaid's word for where states come from and go to."""


def drawing() -> str:
    """Draw the diagram and the table under it, in Markdown as GitHub shows it."""
    return f"```mermaid\n{diagram()}```\n\n{table()}"


def diagram() -> str:
    """Draw all transitions as a Mermaid state diagram; an arrow bears the numbers of the table's rows."""
    numbers: dict[tuple[str, str], list[str]] = {}
    for row in TRANSITIONS:
        for arrow in _arrows(row):
            numbers.setdefault(arrow, []).append(row.number)
    lines = [f"{source} --> {target}: {', '.join(borne)}" for (source, target), borne in numbers.items()]
    ends = [f"{status} --> {OUTSIDE}" for status in Status if status in FINAL]
    return "\n    ".join(("stateDiagram-v2", *lines, *ends)) + "\n"


def table() -> str:
    """Write all transitions as a Markdown table."""
    heading = ("#", "From", "To", "Who", "When", "What it does")
    rows = [heading, ("---",) * len(heading), *map(_cells, TRANSITIONS)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def redrawn(document: str) -> str:
    """Return a document with the drawing between its markers made anew; ValueError where it has none."""
    before, begins, rest = document.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise ValueError(f"there is no place for the drawing: a line {BEGINS} and, below it, a line {ENDS}")
    return f"{before}{BEGINS}\n\n{drawing()}\n{ENDS}{after}"


def _arrows(row: Transition) -> Iterator[tuple[str, str]]:
    if not row.sources and row.target is not None:
        yield OUTSIDE, row.target
    for source in row.sources:
        yield source, row.target or source


def _cells(row: Transition) -> tuple[str, ...]:
    target = row.target or "the same"
    return (row.number, ", ".join(row.sources), target, ", ".join(row.writers), row.guard, row.effect)
