"""One demo from its stage's start to the report."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from worker_runtime.local.demo.asked import FAULTS
from worker_runtime.local.demo.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Self

    from worker_runtime.local.demo.asked import Asked
    from worker_runtime.local.demo.screen import Screen
    from worker_runtime.local.offers import Scenario
    from worker_runtime.local.stage.counting import WorkerCounts


class Staged(AbstractContextManager["Staged"], Protocol):
    """As much of a stage as a demo of any domain looks at."""

    @property
    def logs(self) -> Path:
        """The folder of what the workers print."""

    def workers(self) -> Mapping[str, WorkerCounts]:
        """Count what each worker has done so far."""

    def environment(self) -> Mapping[str, str]:
        """Return the variables with which other commands find it."""

    def serve(self) -> None:
        """Go on until Ctrl-C."""

    def __enter__(self) -> Self:
        """Start it."""


def run_demo(
    scenario: Scenario,
    *,
    asked: Asked,
    stage: Staged,
    screen: Screen,
    afterwards: Callable[[Report, Staged], None] = lambda _report, _stage: None,
) -> Report:
    """Start the stage, run the scenario on it while the screen follows, and report.

    ``afterwards`` gets the report while the stage is still up.
    """
    began = time.monotonic()
    screen.tell(f"{scenario.name}: {scenario.summary}")
    for fault in sorted(asked.faults):
        screen.tell(f"fault {fault}: {FAULTS[fault]}")
    screen.tell(f"starting the stage for {scenario.stack}")
    with stage as started:
        screen.tell(f"the stage is up; the workers' output goes to {started.logs}")
        try:
            with screen.following(started.workers):
                outcome = scenario.run(
                    started, events=asked.events, faults=asked.faults, seed=asked.seed, tell=screen.tell
                )
        except KeyboardInterrupt:
            screen.tell(f"interrupted; the workers' output is in {started.logs}")
            raise
        report = Report(
            asked=asked,
            outcome=outcome,
            workers=dict(started.workers()),
            wall_s=time.monotonic() - began,
            logs=str(started.logs),
        )
        afterwards(report, started)
    return report
