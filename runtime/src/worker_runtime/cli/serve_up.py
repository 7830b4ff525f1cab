"""What ``workers stage up`` does once nothing speaks against it: a stage made as asked, shown and served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.local.commands.reporting import Misuse, Output
from worker_runtime.local.demo.asked import FAULTS, Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from worker_runtime.local.demo.report import Report
    from worker_runtime.local.offers import Scenario
    from worker_runtime.local.serving.serving import Served, Serving


def stage_of(  # noqa: PLR0913 - options of a command
    asked: Asked,
    *,
    stacks: tuple[str, ...],
    folder: Path,
    endpoint_url: str | None,
    record: Path | None,
    in_clear: bool,
) -> Served:
    """Prepare the stage that is asked for, kept in its folder."""
    from worker_runtime.local.stage.stage import Stage, StageOptions  # noqa: PLC0415 - help needs none of it

    return Stage(
        StageOptions(
            stacks=stacks,
            speed=asked.speed,
            seed=asked.seed,
            in_process=asked.in_process,
            faults=asked.faults,
            endpoint_url=endpoint_url,
            state_dir=folder,
            goes_on=True,
            record_to=record,
            record_in_clear=in_clear,
        )
    )


def serving_of(file: Path, *, logs: tuple[str, ...], scenario: Scenario | None, asked: Asked) -> Serving:
    """Say how it is served: with which environment file, whose logs, which scenario."""
    from worker_runtime.local.serving.serving import Serving  # noqa: PLC0415 - help needs none

    return Serving(environment_file=file, followed=logs, scenario=scenario, asked=asked)


def serve(
    stage: Served,
    *,
    stacks: Sequence[str],
    serving: Serving,
    output: Output,
    reported: Callable[[Report], None],
) -> Report | None:
    """Bring it up and serve until Ctrl-C, on a screen for who watches; raises Misuse for an unknown stack."""
    from rich.console import Console  # noqa: PLC0415 - help needs none of it

    from worker_runtime.local.demo.screen import screen_on  # noqa: PLC0415
    from worker_runtime.local.serving.serving import serve_stage  # noqa: PLC0415
    from worker_runtime.local.stage.staged_workers import NothingToStage  # noqa: PLC0415

    screen = screen_on(Console(stderr=True, highlight=False), watched=output.watched)
    speed = ""
    if serving.asked is not None:
        for fault in sorted(serving.asked.faults):
            screen.tell(f"fault {fault}: {FAULTS[fault]}")
        speed = f", speed {serving.asked.speed:g}"
    screen.tell(f"bringing the stage up: {', '.join(stacks) or 'all stacks'}{speed}")
    try:
        return serve_stage(
            stage, serving=serving, screen=screen, up=_say_up(serving, output), reported=reported
        )
    except NothingToStage as error:
        raise Misuse(str(error)) from error


def _say_up(serving: Serving, output: Output) -> Callable[[Served], None]:
    """Tell programs, which read no screen, when the stage is up and where."""

    def say(stage: Served) -> None:
        if output.as_json:
            url = stage.environment()["AWS_ENDPOINT_URL"]
            output.json({"endpointUrl": url, "envFile": str(serving.environment_file)})

    return say
