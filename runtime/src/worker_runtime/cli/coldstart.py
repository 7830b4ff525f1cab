"""``workers coldstart``: where the time goes between a new process and its first reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from worker_runtime.local.commands.inputs import read_event, read_variables
from worker_runtime.local.commands.options import AsJson, EnvFile, WorkerName  # noqa: TC001 - typer reads annotations
from worker_runtime.local.commands.reporting import FAILED, answering, examples, tell

if TYPE_CHECKING:
    from worker_runtime.local.coldstart.report import ColdStart
    from worker_runtime.local.commands.reporting import Output

app = typer.Typer(add_completion=False)

SAID: Final = {
    "python": "Python starts",
    "awslambdaric": "Lambda's client is imported",
    "runtime": "the runtime is imported",
    "index": "the worker index is read",
    "worker": "the worker's module is imported",
    "plugin": "its plugin is imported",
    "services": "services are made, the pipeline composed",
    "event": "the first event is fetched",
    "invocation": "the first invocation",
    "reply": "the reply is posted",
}


@app.command(
    "coldstart",
    epilog=examples(
        "workers coldstart dmnd.shortenEventUrl",
        "workers coldstart shortenEventUrl --event event.json --env-file local.env",
        "workers coldstart notificationScheduler --json | jq .ratio",
    ),
)
def coldstart(
    worker: WorkerName,
    *,
    event: Annotated[
        str | None,
        typer.Option(
            "--event",
            metavar="FILE|-",
            help="The first event as JSON; - is stdin. Without it a tick, or a batch of no records.",
        ),
    ] = None,
    env_file: EnvFile = None,
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, max=1_000, help="How often to start; medians are told.")
    ] = 7,
    as_json: AsJson = False,
) -> None:
    """Start a worker in fresh processes, through Lambda's own client, and say where the time goes.

    What is installed is laid out as a layer has it, with a worker index.

    Names that --env-file lacks are made up, and nobody is behind them: an event may need real ones.

    Times are this machine's; their ratio to a bare handler's, started in turn, is what travels.

    Exit codes: 0 it was measured, 1 it does not start or raised on the given event, 2 it was called wrongly.
    """
    with answering(as_json=as_json) as output:
        from worker_runtime.local.coldstart.starting import measured  # noqa: PLC0415 - help needs none of it

        found = measured(
            worker,
            variables=read_variables(env_file) if env_file else {},
            event=None if event is None else read_event(event),
            rounds=rounds,
        )
        if found.raised:
            tell(f"The first invocation raised {found.raised}", style="yellow")
        if as_json:
            output.json(found)
        else:
            _show(found, output)
        if found.raised and event is not None:  # a tick of our own may miss what nobody has named
            raise typer.Exit(FAILED)


def _show(found: ColdStart, output: Output) -> None:
    bare = {phase.name: phase.ms for phase in found.bare_phases}
    rows = [_row(SAID[each.name], each.ms, bare.get(each.name)) for each in found.phases]
    output.table(("until", "ms", "bare handler"), [*rows, _row("in all", found.total_ms, found.bare_ms)])
    longest = [_row(each.module, each.ms, each.own_ms) for each in found.imports]
    output.table(("longest imports, timed by themselves", "ms", "of it its own"), longest)
    output.text(
        f"{found.worker} takes {found.ratio:g} times as long as a bare handler to its first reply"
        f" (medians of {found.rounds})."
    )


def _row(text: str, *times_ms: float | None) -> list[tuple[str, str]]:
    return [(text, ""), *(("" if ms is None else f"{ms:.1f}", "") for ms in times_ms)]
