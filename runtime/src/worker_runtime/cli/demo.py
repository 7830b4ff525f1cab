"""``workers demo``: a scenario on a stage, watched live and judged by its own ledger."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Annotated

import typer

from worker_runtime.cli.stopping import stoppable
from worker_runtime.local.commands.options import AsJson  # noqa: TC001 - typer reads annotations
from worker_runtime.local.commands.reporting import FAILED, Misuse, Output, answering, examples
from worker_runtime.local.demo.asked import FAULTS, Asked

if TYPE_CHECKING:
    from worker_runtime.local.demo.report import Report
    from worker_runtime.local.demo.running import Staged
    from worker_runtime.local.offers import Scenario

FEWEST_EVENTS = 10  # below, a scenario has no room for each kind of item

app = typer.Typer(add_completion=False)

Name = Annotated[
    str | None,
    typer.Argument(metavar="SCENARIO", help="Which one; said with what each shows where it is missing."),
]
Events = Annotated[
    int | None,
    typer.Option(min=FEWEST_EVENTS, help="How many items are put; else as many as is usual for it."),
]
Faults = Annotated[str, typer.Option(metavar="LIST", help=f"Of {','.join(FAULTS)}; or all.")]
Seed = Annotated[int, typer.Option(help="Draws the items and the faults; the same seed, the same end.")]
InProcess = Annotated[
    bool, typer.Option("--in-process", help="Run workers in this process, without cold starts and time-outs.")
]
Speed = Annotated[
    float | None,
    typer.Option(
        min=0.1, help="How many times faster than the wall the stage's time runs; else as is usual for it."
    ),
]


@app.command(
    "demo",
    epilog=examples(
        "workers demo sale-to-sms",
        "workers demo sale-to-sms --faults all --seed 2",
        "workers demo short-links --events 500 --faults crash,outage",
        "workers demo short-links --in-process --json | jq .holds",
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
    as_json: AsJson = False,
) -> None:
    """Run a job on a local stage and prove that nothing was lost.

    Items are put, worker processes carry them, outside services throttle; faults strike as you ask.

    The same seed gives the same items, faults drawn from it, the same final state; the ways there differ.

    A ledger of its own, which knows only what was put and what is there in the end, gives the verdict.

    Exit codes: 0 it holds, 1 it does not (the findings say which item), 2 the command was called wrongly.

    Ctrl-C (130), SIGTERM (143) and SIGHUP (129) stop it cleanly: no process stays behind.
    """
    with stoppable(), answering(as_json=as_json) as output:
        chosen = _chosen(scenario)
        asked = Asked(
            scenario=chosen.name,
            events=chosen.events if events is None else events,
            faults=parse_faults(faults),
            seed=seed,
            in_process=in_process,
            speed=chosen.speed if speed is None else speed,
        )
        report = _run(chosen, asked)
        if as_json:
            output.json(report.plain())
        else:
            _show(report, output)
        if not report.holds:
            raise typer.Exit(FAILED)


def parse_faults(listed: str) -> frozenset[str]:
    """Read ``duplicate,crash`` or ``all``; Misuse where there is no such fault."""
    named = frozenset(each.strip() for each in listed.split(",") if each.strip())
    if named == {"all"}:
        return frozenset(FAULTS)
    if unknown := named - FAULTS.keys():
        raise Misuse(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}, or all.")
    return named


def _chosen(name: str | None) -> Scenario:
    from worker_runtime.catalogue import installed  # noqa: PLC0415 - help needs none of it
    from worker_runtime.local.hooks import local_hooks  # noqa: PLC0415

    hooks = local_hooks(installed())
    offered, failed = hooks.offered("scenarios")
    by_name: dict[str, Scenario] = {each.name: each for _, each in offered}
    if name is None and len(by_name) == 1:
        return next(iter(by_name.values()))
    if name in by_name:
        return by_name[name]
    there = "; ".join(f"{each.name} ({each.summary})" for each in by_name.values())
    there = there or "none; install a plugin that offers one"
    broken = "".join(f" {each.plugin} is broken: {each.error}" for each in (*hooks.problems, *failed))
    raise Misuse(
        f"{f'no such scenario: {name}' if name else 'say which scenario'}; there are {there}.{broken}"
    )


def _run(scenario: Scenario, asked: Asked) -> Report:
    from rich.console import Console  # noqa: PLC0415 - help needs none of it

    from worker_runtime.local.demo.running import run_demo  # noqa: PLC0415
    from worker_runtime.local.demo.screen import screen_on  # noqa: PLC0415

    screen = screen_on(Console(stderr=True, highlight=False))
    return run_demo(scenario, asked=asked, stage=_stage(scenario, asked), screen=screen)


def _stage(scenario: Scenario, asked: Asked) -> Staged:
    """Prepare a stage in a folder that outlives it, so that what workers printed can be read afterwards."""
    from worker_runtime.local.demo.folders import new_folder  # noqa: PLC0415 - help needs none of it
    from worker_runtime.local.stage.stage import Stage, StageOptions  # noqa: PLC0415 - help needs none of it

    return Stage(
        StageOptions(
            stack=scenario.stack,
            speed=asked.speed,
            seed=asked.seed,
            in_process=asked.in_process,
            faults=asked.faults,
            state_dir=new_folder(),
        )
    )


def _show(report: Report, output: Output) -> None:
    from worker_runtime.local.demo.tables import LEGEND, table_lines  # noqa: PLC0415 - JSON needs none

    heading, *lines = table_lines(report.workers, width=shutil.get_terminal_size().columns)
    output.lines([("", ""), (heading, "bold"), *((line, "") for line in lines), (LEGEND, "dim"), ("", "")])
    outcome = report.outcome
    output.lines([(f"{count:5}  {ending}", "") for ending, count in outcome.endings.items()])
    output.lines([(f"       {remark}", "dim") for remark in outcome.remarks])
    output.lines([("", ""), *((f"{each.item}: {each.problem}", "red") for each in outcome.findings)])
    output.lines(
        [
            (report.verdict(), "bold green" if report.holds else "bold red"),
            (f"The workers' output, kept for a day: {report.logs}", "dim"),
        ]
    )
