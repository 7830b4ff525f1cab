"""Options of the commands that run scenarios and stages, said once."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.local.demo.asked import FAULTS

LEAST_SPEED: Final = 0.1
MOST_SPEED: Final = 100_000.0
FEWEST_EVENTS = 10  # below, a scenario has no room for each kind of item


def complete_scenarios(incomplete: str) -> list[tuple[str, str]]:
    """Offer the scenarios that begin like this, each with what it shows."""
    from worker_runtime.local.demo.offered import offered_scenarios  # noqa: PLC0415 - only while a shell completes

    there = offered_scenarios().scenarios.values()
    return [(each.name, each.summary) for each in there if each.name.startswith(incomplete)]


def _faults(incomplete: str) -> list[str]:
    """Complete the last one of the list."""
    said, comma, last = incomplete.rpartition(",")
    return [f"{said}{comma}{fault}" for fault in (*FAULTS, "all") if fault.startswith(last)]


Events = Annotated[
    int | None,
    typer.Option(min=FEWEST_EVENTS, help="How many items are put; else as many as is usual for it."),
]
Faults = Annotated[
    str,
    typer.Option(
        metavar="LIST", help=f"Of {', '.join(FAULTS)}; joined by commas, or all.", autocompletion=_faults
    ),
]
InProcess = Annotated[
    bool, typer.Option("--in-process", help="Run workers in this process, without cold starts and time-outs.")
]


def parse_faults(listed: str) -> frozenset[str]:
    """Read ``duplicate,crash`` or ``all``; Misuse where there is no such fault."""
    named = frozenset(each.strip() for each in listed.split(",") if each.strip())
    if named == {"all"}:
        return frozenset(FAULTS)
    if unknown := named - FAULTS.keys():
        raise Misuse(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}, or all.")
    return named
