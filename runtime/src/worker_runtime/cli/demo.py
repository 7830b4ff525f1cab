"""``workers demo``: a scenario on a stage, watched live and judged by its own ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker_runtime.cli.keeping import keep_up
from worker_runtime.cli.private_files import private_files
from worker_runtime.cli.recording_options import InClear, Record, refuse_recording
from worker_runtime.cli.scenario_options import (
    LEAST_SPEED,
    MOST_SPEED,
    Events,
    Faults,
    InProcess,
    complete_scenarios,
    parse_faults,
)
from worker_runtime.cli.shown_report import show
from worker_runtime.local.commands.new_files import refuse_taken
from worker_runtime.local.commands.options import AsJson  # noqa: TC001 - typer reads annotations
from worker_runtime.local.commands.reporting import FAILED, Misuse, Output, answering, examples, tell
from worker_runtime.local.commands.stopping import stoppable
from worker_runtime.local.demo.asked import Asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.local.demo.report import Report
    from worker_runtime.local.demo.running import Staged
    from worker_runtime.local.offers import Scenario

REPEATABLE_FROM = 2_000_000_000.0
"""When runs in one process begin (2033): always the same minute of a day, and after all that others stamp."""

app = typer.Typer(add_completion=False)


Name = Annotated[
    str | None,
    typer.Argument(
        metavar="SCENARIO", help="Which one; without it all are listed.", autocompletion=complete_scenarios
    ),
]
Seed = Annotated[int, typer.Option(help="Draws the items and the faults; the same seed, the same end.")]
Speed = Annotated[
    float | None,
    typer.Option(
        min=LEAST_SPEED,
        max=MOST_SPEED,
        help="How many times faster than the wall the stage's time runs; else as is usual for it.",
    ),
]
Keep = Annotated[
    Path | None,
    typer.Option(
        "--keep",
        metavar="FILE",
        help="Keep the stage up afterwards, until Ctrl-C, so that others find it with --env-file FILE.",
    ),
]


@app.command(
    "demo",
    epilog=examples(
        "workers demo",
        "workers demo sale-to-sms --keep local.env",
        "workers demo sale-to-sms --faults all --seed 2",
        "workers demo short-links --events 500 --faults crash,outage",
        "workers demo short-links --in-process --json | jq .holds",
        "workers demo short-links --record run.jsonl",
    ),
)
def demo(  # noqa: PLR0913 - options of a command
    scenario: Name = None,
    *,
    events: Events = None,
    faults: Faults = "",
    seed: Seed = 0,
    in_process: InProcess = False,
    speed: Speed = None,
    keep: Keep = None,
    record: Record = None,
    in_clear: InClear = False,
    as_json: AsJson = False,
) -> None:
    """Run a job on a local stage and prove that nothing was lost; without SCENARIO, list what there is.

    Items are put, worker processes carry them, outside services throttle; faults strike as you ask.

    The same seed gives the same items, faults drawn from it, the same final state; the ways there differ.

    A ledger of its own, which knows only what was put and what is there in the end, gives the verdict.

    Exit codes: 0 it holds, 1 it does not (the findings say which item), 2 the command was called wrongly.

    Ctrl-C (130), SIGTERM (143) and SIGHUP (129) stop it cleanly: no process stays behind. With --keep
    Ctrl-C is the end that is awaited, and the exit code is the verdict's.
    """
    with stoppable(), private_files(), answering(as_json=as_json) as output:
        chosen = _chosen(scenario, output)
        asked = Asked(
            scenario=chosen.name,
            events=chosen.events if events is None else events,
            faults=parse_faults(faults),
            seed=seed,
            in_process=in_process,
            speed=chosen.speed if speed is None else speed,
        )
        if keep is not None:
            refuse_taken(keep)
        refuse_recording(record, in_clear=in_clear)

        def afterwards(report: Report, stage: Staged) -> None:
            show(report, output, logs="The workers' output, kept for a day")
            if keep is not None:
                keep_up(stage.environment(), keep, serve=stage.serve, output=output)

        stage = _stage(chosen, asked, record=record, in_clear=in_clear)
        if not _run(chosen, asked, stage=stage, output=output, afterwards=afterwards).holds:
            raise typer.Exit(FAILED)


def _chosen(name: str | None, output: Output) -> Scenario:
    """Find the scenario that is asked for; typer.Exit where none is said and all there are were listed."""
    from worker_runtime.local.demo.offered import offered_scenarios  # noqa: PLC0415 - help needs none of it

    scenarios, broken = offered_scenarios()
    if name is not None and name in scenarios:
        return scenarios[name]
    if name is not None or not scenarios:
        there = ", ".join(scenarios) or "none; install a plugin that offers one"
        wrong = "there is no scenario" if name is None else f"no such scenario: {name}; there are {there}"
        raise Misuse(". ".join((wrong, *broken)))
    if len(scenarios) == 1:
        return next(iter(scenarios.values()))
    if output.as_json:
        output.json({"scenarios": {each.name: each.summary for each in scenarios.values()}})
    else:
        rows = [[(each.name, "bold"), (each.summary, "")] for each in scenarios.values()]
        output.table(("scenario", "what it shows"), rows)
    for each in broken:
        tell(each, style="red")
    raise typer.Exit


def _run(
    scenario: Scenario,
    asked: Asked,
    *,
    stage: Staged,
    output: Output,
    afterwards: Callable[[Report, Staged], None],
) -> Report:
    from rich.console import Console  # noqa: PLC0415 - help needs none of it

    from worker_runtime.local.demo.running import run_demo  # noqa: PLC0415
    from worker_runtime.local.demo.screen import screen_on  # noqa: PLC0415

    screen = screen_on(Console(stderr=True, highlight=False), watched=output.watched)
    return run_demo(scenario, asked=asked, stage=stage, screen=screen, afterwards=afterwards)


def _stage(scenario: Scenario, asked: Asked, *, record: Path | None, in_clear: bool) -> Staged:
    """Prepare a stage in a folder that outlives it, so that what workers printed can be read afterwards."""
    from worker_runtime.local.demo.folders import new_folder  # noqa: PLC0415 - help needs none of it
    from worker_runtime.local.stage.stage import Stage, StageOptions  # noqa: PLC0415 - help needs none of it

    return Stage(
        StageOptions(
            stacks=(scenario.stack,),
            speed=asked.speed,
            seed=asked.seed,
            in_process=asked.in_process,
            origin=REPEATABLE_FROM,
            faults=asked.faults,
            state_dir=new_folder(),
            record_to=record,
            record_in_clear=in_clear,
        )
    )
