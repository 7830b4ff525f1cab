"""``workers stage``: stacks on this machine, kept up until Ctrl-C, looked at from elsewhere, gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker_runtime.cli.before_staging import followed_workers, refuse_no_aws, refuse_unwritable
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
from worker_runtime.cli.shown_status import show_status
from worker_runtime.cli.stopping import stoppable
from worker_runtime.local.commands.options import AsJson, complete_stacks, complete_workers
from worker_runtime.local.commands.reporting import FAILED, Misuse, Output, answering, examples
from worker_runtime.local.demo.asked import FAULTS, Asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.local.demo.report import Report
    from worker_runtime.local.offers import Scenario
    from worker_runtime.local.serving.serving import Served, Serving

_WALL_SPEED = 1.0

app = typer.Typer(add_completion=False)

State = Annotated[
    Path | None,
    typer.Option("--state", metavar="DIR", help="The stage's state folder; .stage here without it."),
]


@app.callback(
    epilog=examples(
        "workers stage up --stack dmnd",
        "workers stage status",
        "workers stage down",
    )
)
def stage() -> None:
    """Keep stacks up on this machine: AWS, Redis, outside services, workers as Lambda runs them.

    What it holds is kept in its state folder: brought up again it goes on, however it ended.
    """


@app.command(
    epilog=examples(
        "workers stage up --stack dmnd",
        "workers stage up --stack dmnd --scenario sale-to-sms --events 50",
        "workers stage up --stack dmnd --record run.jsonl",
        "workers stage up --stack shop --stack post --speed 20 --logs shop.takeOrders",
        "workers stage up --state /tmp/second --faults duplicate,crash --seed 2",
    )
)
def up(  # noqa: PLR0913 - options of a command
    *,
    stack: Annotated[
        list[str] | None,
        typer.Option(
            "--stack",
            metavar="STACK",
            help="Stage this stack; again for several; all without it.",
            autocompletion=complete_stacks,
        ),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            metavar="NAME",
            help="Run this job on the stage, then keep it up.",
            autocompletion=complete_scenarios,
        ),
    ] = None,
    events: Events = None,
    state: State = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove the state folder first.")] = False,
    endpoint_url: Annotated[
        str | None,
        typer.Option("--endpoint-url", metavar="URL", help="Use this emulator of AWS instead of an own one."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws the faults, and the scenario's items.")] = 0,
    speed: Annotated[
        float | None,
        typer.Option(
            min=LEAST_SPEED,
            max=MOST_SPEED,
            help="How many times faster than the wall the stage's time runs; else 1.",
        ),
    ] = None,
    in_process: InProcess = False,
    faults: Faults = "",
    env_file: Annotated[
        Path | None,
        typer.Option(
            "--env-file",
            metavar="FILE",
            help="Write here what leads other commands to the stage while it is up; else to stage.env in the"
            " state folder.",
        ),
    ] = None,
    logs: Annotated[
        list[str] | None,
        typer.Option(
            "--logs",
            metavar="WORKER",
            help="Show what this worker prints; again for several, or all.",
            autocompletion=complete_workers,
        ),
    ] = None,
    record: Record = None,
    in_clear: InClear = False,
    as_json: AsJson = False,
) -> None:
    """Bring a stage up and keep it up until Ctrl-C; it goes on where the last one of its folder was.

    Events come from a scenario, or from outside, through boto3, `aws` or other commands.

    What leads them there is written to the file of --env-file; the ports in it stay the same.

    A stage that was killed goes on too: what was in flight comes again, its time has stood still.

    With --json a line on stdout says where it is once it is up, another is the report's.

    Exit codes: 0 after Ctrl-C, 1 it failed or the ledger does not hold, 2 it was called wrongly.

    SIGTERM (143) and SIGHUP (129) stop it as cleanly. Ctrl-C before it is up, before a scenario is done, or
    again while it stops: 130.
    """
    with stoppable(), private_files(), answering(as_json=as_json) as output:
        from worker_runtime.local.serving.folders import ENVIRONMENT_FILE, begin_anew  # noqa: PLC0415 - help needs none

        chosen = None if scenario is None else _scenario(scenario)
        folder = _folder(state)
        stacks = {*(stack or ()), *(() if chosen is None else (chosen.stack,))}
        file = env_file or folder / ENVIRONMENT_FILE
        refuse_recording(record, in_clear=in_clear)
        refuse_unwritable(file, state=folder)
        refuse_no_aws(endpoint_url)
        followed = followed_workers(logs or (), stacks=stacks)
        asked = Asked(
            scenario="" if chosen is None else chosen.name,
            events=events or (0 if chosen is None else chosen.events),
            faults=parse_faults(faults),
            seed=seed,
            in_process=in_process,
            speed=speed or (_WALL_SPEED if chosen is None else chosen.speed),
        )
        if fresh:
            begin_anew(folder)
        staged = _stage(
            asked,
            stacks=tuple(sorted(stacks)),
            folder=folder,
            endpoint_url=endpoint_url,
            record=record,
            in_clear=in_clear,
        )
        report = _serve(
            staged,
            serving=_serving(file, followed, chosen, asked),
            output=output,
            reported=lambda report: show(report, output, logs="The workers' output"),
        )
        if report is not None and not report.holds:
            raise typer.Exit(FAILED)


@app.command(
    epilog=examples(
        "workers stage status",
        "workers stage status --state /tmp/second --json | jq .queues",
    )
)
def status(*, state: State = None, as_json: AsJson = False) -> None:
    """Say how a stage stands: what its workers have done, what waits in its queues, where it is.

    Where it does not run: how it stood last, and whether it was stopped or killed.

    Exit codes: 0 it runs, 1 it does not.
    """
    with answering(as_json=as_json) as output:
        from worker_runtime.local.serving.status import look_at  # noqa: PLC0415 - help needs none

        found = look_at(_folder(state))
        show_status(found, output)
        if found.state != "running":
            raise typer.Exit(FAILED)


@app.command(epilog=examples("workers stage down", "workers stage down --state /tmp/second"))
def down(*, state: State = None, as_json: AsJson = False) -> None:
    """Stop the stage of a state folder, as Ctrl-C in its own terminal does, and wait until it is down.

    Exit codes: 0 no stage runs there any more, 1 it does not end, or there never was one.
    """
    with answering(as_json=as_json) as output:
        from worker_runtime.local.serving.stopping import stop_stage  # noqa: PLC0415 - help needs none

        folder = _folder(state)
        pid = stop_stage(folder)
        if as_json:
            output.json({"folder": str(folder), "stopped": pid})
        else:
            output.text(f"the stage of {folder} is down" if pid else f"no stage runs in {folder}")


def _folder(named: Path | None) -> Path:
    from worker_runtime.local.serving.folders import FOLDER  # noqa: PLC0415 - help needs none

    return named or FOLDER


def _scenario(name: str) -> Scenario:
    from worker_runtime.local.demo.offered import offered_scenarios  # noqa: PLC0415 - help needs none of it

    scenarios, broken = offered_scenarios()
    if name not in scenarios:
        there = ", ".join(scenarios) or "none; install a plugin that offers one"
        raise Misuse(". ".join((f"no such scenario: {name}; there are {there}", *broken)))
    return scenarios[name]


def _stage(  # noqa: PLR0913 - options of a command
    asked: Asked,
    *,
    stacks: tuple[str, ...],
    folder: Path,
    endpoint_url: str | None,
    record: Path | None,
    in_clear: bool,
) -> Served:
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


def _serving(file: Path, logs: tuple[str, ...], scenario: Scenario | None, asked: Asked) -> Serving:
    from worker_runtime.local.serving.serving import Serving  # noqa: PLC0415 - help needs none

    return Serving(environment_file=file, followed=logs, scenario=scenario, asked=asked)


def _serve(
    stage: Served, *, serving: Serving, output: Output, reported: Callable[[Report], None]
) -> Report | None:
    from rich.console import Console  # noqa: PLC0415 - help needs none of it

    from worker_runtime.local.demo.screen import screen_on  # noqa: PLC0415
    from worker_runtime.local.serving.serving import serve_stage  # noqa: PLC0415
    from worker_runtime.local.stage.staged_workers import NothingToStage  # noqa: PLC0415

    screen = screen_on(Console(stderr=True, highlight=False), watched=output.watched)
    if serving.asked is not None:
        for fault in sorted(serving.asked.faults):
            screen.tell(f"fault {fault}: {FAULTS[fault]}")
    screen.tell("bringing the stage up")
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
