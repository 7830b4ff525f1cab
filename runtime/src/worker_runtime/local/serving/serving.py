"""A stage from its start to Ctrl-C: what is said of it, the scenario that may run on it, what is followed."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from worker_runtime.local.demo.asked import Asked
from worker_runtime.local.demo.report import Report
from worker_runtime.local.serving.environment_file import environment_file
from worker_runtime.local.serving.followed_logs import followed
from worker_runtime.local.serving.scenario_on import AskedScenario, refuse_another

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Self

    from worker_runtime.local.demo.screen import Screen
    from worker_runtime.local.offers import Scenario
    from worker_runtime.local.stage.counting import WorkerCounts
    from worker_runtime.local.stage.keeping.memory import Memory


class Served(AbstractContextManager["Served"], Protocol):
    """As much of a stage as is shown and served."""

    @property
    def logs(self) -> Path:
        """The folder of what the workers print."""

    def workers(self) -> Mapping[str, WorkerCounts]:
        """Count what each worker has done so far."""

    def environment(self) -> Mapping[str, str]:
        """Return the variables with which other commands find it."""

    def urls(self) -> Mapping[str, tuple[str, ...]]:
        """Return where workers answer HTTP."""

    def memory(self, owner: str) -> Memory:
        """Return what a driver of it does not forget."""

    def serve(self) -> None:
        """Work until Ctrl-C."""

    def __enter__(self) -> Self:
        """Start it."""


class Serving(Struct, frozen=True, kw_only=True):
    """What a person asked for: a file for other commands, logs to follow, a scenario and how much of it."""

    environment_file: Path
    followed: tuple[str, ...] = ()
    scenario: Scenario | None = None
    asked: Asked | None = None


def serve_stage(
    stage: Served,
    *,
    serving: Serving,
    screen: Screen,
    up: Callable[[Served], None] = lambda _stage: None,
    reported: Callable[[Report], None],
) -> Report | None:
    """Start the stage, run the scenario if one is asked for, and serve until Ctrl-C while the screen follows.

    ``up`` is called once it is up, ``reported`` with the scenario's report as soon as there is one.
    KeyboardInterrupt leaves it only where the scenario was not done.
    """
    report = None
    with (
        stage as started,
        environment_file(serving.environment_file, started.environment()),
        followed(started.logs, worker_ids=_chosen(serving.followed, started), tell=screen.tell),
    ):
        try:
            _announce(started, serving, screen)
            up(started)
            if serving.scenario is not None and serving.asked is not None:
                report = _run(serving.scenario, serving.asked, started, screen)
                reported(report)
            with screen.following(started.workers):
                started.serve()
        except KeyboardInterrupt as interrupt:
            somebody_elses = type(interrupt) is not KeyboardInterrupt  # a request with its own exit code
            if somebody_elses or (serving.scenario is not None and report is None):
                raise
            screen.tell("stopping the stage")
    return report


def _run(scenario: Scenario, asked: Asked, up: Served, screen: Screen) -> Report:
    began = time.monotonic()
    once = AskedScenario(
        scenario=scenario.name, events=asked.events, seed=asked.seed, poison="poison" in asked.faults
    )
    goes_on = refuse_another(once, memory=up.memory("serving"))
    screen.tell(f"going on with {once}" if goes_on else f"{scenario.name}: {scenario.summary}")
    with screen.following(up.workers):
        outcome = scenario.run(
            up, events=asked.events, faults=asked.faults, seed=asked.seed, tell=screen.tell
        )
    return Report(
        asked=asked,
        outcome=outcome,
        workers=dict(up.workers()),
        wall_s=time.monotonic() - began,
        logs=str(up.logs),
    )


def _announce(up: Served, serving: Serving, screen: Screen) -> None:
    screen.tell(f"the stage is up, AWS is at {up.environment()['AWS_ENDPOINT_URL']}")
    screen.tell(f"other commands find it with --env-file {serving.environment_file}")
    for worker_id, urls in sorted(up.urls().items()):
        for url in urls:
            screen.tell(f"{worker_id} answers {url}")
    screen.tell(f"the workers' output goes to {up.logs}")
    screen.tell("Ctrl-C stops the stage; brought up again it goes on where it was")


def _chosen(asked: tuple[str, ...], up: Served) -> list[str]:
    """Name the workers whose logs are asked for."""
    return [worker_id for worker_id in sorted(up.workers()) if "all" in asked or worker_id in asked]
