"""``workers invoke``: one worker, one recorded event; the reply on stdout, all else on stderr."""

from __future__ import annotations

from typing import Annotated

import typer

from worker_runtime.local.commands.inputs import read_event, read_variables
from worker_runtime.local.commands.options import AsJson, EnvFile, WorkerName  # noqa: TC001 - typer reads annotations
from worker_runtime.local.commands.reporting import FAILED, Misuse, answering, complain, examples, tell

app = typer.Typer(add_completion=False)


@app.command(
    "invoke",
    epilog=examples(
        "workers invoke dmnd.shortenEventUrl --event event.json --env-file local.env",
        "cat event.json | workers invoke shortenEventUrl --event - --json",
        "workers invoke dmnd.notificationScheduler --env-file local.env",
    ),
)
def invoke(
    worker: WorkerName,
    *,
    event: Annotated[
        str | None,
        typer.Option(
            "--event",
            metavar="FILE|-",
            help="The event as JSON; - is stdin. Without it a scheduled worker gets a tick.",
        ),
    ] = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Run one worker on one recorded event, in this process, through the door that Lambda uses.

    The reply is JSON on stdout (on one line with --json); logs and metrics go to stderr,
    and then, for people, what became of the records.

    Exit codes: 0 it replied, 1 it could not be loaded or the invocation raised, 2 it was called wrongly.
    """
    with answering(as_json=as_json) as output:
        from worker_runtime.catalogue import installed  # noqa: PLC0415 - help needs none of it
        from worker_runtime.local.became import listening  # noqa: PLC0415 - help needs none of it
        from worker_runtime.local.invoke import own_event, prepare, refuse_unrecognised  # noqa: PLC0415 - help needs none of it

        worker_id = installed().find(worker)  # before anything is read: who types a name wrong hears of that
        variables = read_variables(env_file) if env_file else {}
        recorded = own_event(worker_id, variables=variables) if event is None else read_event(event)
        if event is None and recorded is None:
            raise Misuse(f"{worker_id} is not only scheduled; give an event with --event FILE.")
        refuse_unrecognised(worker_id, recorded)  # whatever else may be missing
        ready = prepare(worker_id, variables=variables)
        try:
            with listening() as became:
                reply = ready(recorded)
        except Exception as error:  # noqa: BLE001 - whatever an invocation raises is shown as Lambda would
            complain(error, as_json=as_json, raised_by=worker_id)
            raise typer.Exit(FAILED) from None
        output.json(reply)
        if became.line and not as_json:
            tell(f"Records: {became.line}", style="bold")
