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
from worker_runtime.cli.serve_up import serve, serving_of, stage_of
from worker_runtime.cli.shown_report import show
from worker_runtime.cli.shown_status import show_status
from worker_runtime.local.commands.options import AsJson, complete_followed, complete_stacks
from worker_runtime.local.commands.reporting import FAILED, Misuse, answering, examples
from worker_runtime.local.commands.stopping import stoppable
from worker_runtime.local.demo.asked import Asked

if TYPE_CHECKING:
    from worker_runtime.local.offers import Scenario

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
            help="Stage this stack; again for several. Without it those that the folder had last, else all.",
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
            help="How many times faster than the wall the stage's time runs; else as last, at first 1.",
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
            autocompletion=complete_followed,
        ),
    ] = None,
    record: Record = None,
    in_clear: InClear = False,
    as_json: AsJson = False,
) -> None:
    """Bring a stage up and keep it up until Ctrl-C; it goes on where the last one of its folder was.

    It has the same stacks and speed where nobody says others; faults are for one time.

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
        from worker_runtime.local.serving.last_run import NEVER, last_run  # noqa: PLC0415 - as above

        chosen = None if scenario is None else _scenario(scenario)
        folder = _folder(state)
        last = NEVER if fresh else last_run(folder)
        stacks = {*(stack or ()), *(() if chosen is None else (chosen.stack,))} or {*last.stacks}
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
            speed=speed or (last.speed if chosen is None else chosen.speed),
        )
        if fresh:
            begin_anew(folder)
        staged = stage_of(
            asked,
            stacks=tuple(sorted(stacks)),
            folder=folder,
            endpoint_url=endpoint_url,
            record=record,
            in_clear=in_clear,
        )
        report = serve(
            staged,
            stacks=sorted(stacks),
            serving=serving_of(file, logs=followed, scenario=chosen, asked=asked),
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

    if named is not None and named.exists() and not named.is_dir():
        raise Misuse(f"{named} is no folder; name a stage's with --state.")
    return named or FOLDER


def _scenario(name: str) -> Scenario:
    from worker_runtime.local.demo.offered import offered_scenarios  # noqa: PLC0415 - help needs none of it

    scenarios, broken = offered_scenarios()
    if name not in scenarios:
        there = ", ".join(scenarios) or "none; install a plugin that offers one"
        raise Misuse(". ".join((f"no such scenario: {name}; there are {there}", *broken)))
    return scenarios[name]
