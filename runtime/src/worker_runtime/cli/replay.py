"""``workers replay``: recorded events run again, what becomes of them compared with what became."""

from __future__ import annotations

import os
from pathlib import Path  # noqa: TC003 - typer reads annotations
from typing import TYPE_CHECKING, Annotated

import typer

from worker_runtime.local.commands.asking import ask
from worker_runtime.local.commands.options import (
    AsJson,
    EnvFile,
    Yes,
    complete_workers,
    take_variables,
)
from worker_runtime.local.commands.progress import progress
from worker_runtime.local.commands.reporting import FAILED, Misuse, Output, answering, examples, tell

if TYPE_CHECKING:
    from worker_runtime.local.recording.lines import Event
    from worker_runtime.local.recording.replaying import Replayed

app = typer.Typer(add_completion=False)

_STYLES = {"same": "green", "different": "bold red", "masked": "yellow", "not recorded": "dim"}
_WORDS = {"masked": "not comparable: personal data was masked"}


@app.command(
    "replay",
    epilog=examples(
        "workers replay run.jsonl --env-file .stage/stage.env",
        "workers replay run.jsonl --worker dmnd.shortenEventUrl --env-file local.env --done-before",
        "workers replay orders.jsonl --worker shop.takeOrders --json | jq .counts",
    ),
)
def replay(  # noqa: PLR0913 - options of a command
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `workers record` or --record wrote.")],
    *,
    worker: Annotated[
        str | None,
        typer.Option(
            "--worker",
            metavar="ID",
            help="Only this worker's events, and those that name no worker.",
            autocompletion=complete_workers,
        ),
    ] = None,
    done_before: Annotated[
        bool,
        typer.Option(
            "--done-before", help="Where the work is done already: what is skipped now is the same."
        ),
    ] = False,
    logs: Annotated[bool, typer.Option("--logs", help="Show what the workers print.")] = False,
    yes: Yes = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Run each recorded event again, in this process, through the door that Lambda uses, and compare.

    The clock is set to the time that was recorded. What a worker writes and sends is written and sent.

    It goes where the environment leads it; where that is AWS itself you are asked before.

    Compared are each record's outcome, a rejection's code, and the reply or the error.

    What differs where personal data was masked is told apart: record with --in-clear to compare it.

    Exit codes: 0 all is the same, 1 something differs or a line cannot be read, 2 it was called wrongly.
    """
    with answering(as_json=as_json) as output:
        from worker_runtime.catalogue import installed  # noqa: PLC0415 - help needs none of it
        from worker_runtime.local.recording.files import Recording  # noqa: PLC0415 - help needs none of it
        from worker_runtime.local.recording.replaying import replay as run_again  # noqa: PLC0415
        from worker_runtime.local.recording.replaying import survey  # noqa: PLC0415
        from worker_runtime.local.recording.rerunning import Workers  # noqa: PLC0415

        worker_id = None if worker is None else installed().find(worker)
        recording = Recording(file)
        take_variables(env_file)
        there = survey(recording, worker=worker_id)
        workers = Workers({})
        for each in there:
            workers.load(each)  # before any of them has an effect
        if there and not os.environ.get("AWS_ENDPOINT_URL"):
            ask(f"AWS_ENDPOINT_URL is not set: run {there.total()} events on AWS itself?", yes=yes)
        with progress("events", output=output, total=there.total()) as advance:

            def done(_event: Event) -> None:
                advance(1)
                if logs:
                    for line in workers.printed.splitlines():
                        tell(line)

            replayed = run_again(
                recording, workers=workers, worker=worker_id, done_before=done_before, done=done
            )
        if not replayed.events and not replayed.unread:
            of = f" of {worker_id}" if worker_id else ""
            raise Misuse(f"{file} has no events{of}.")
        _show(replayed, output)
        if not replayed.agrees:
            raise typer.Exit(FAILED)


def _show(replayed: Replayed, output: Output) -> None:
    if output.as_json:
        output.json(replayed)
        return
    if replayed.records:
        columns = ("line", "worker", "record", "recorded", "now", "")
        output.table(
            columns,
            [
                [
                    (str(each.line), "dim"),
                    (each.worker, ""),
                    (each.record, ""),
                    (each.recorded, ""),
                    (each.now, ""),
                    (_WORDS.get(each.verdict, each.verdict), _STYLES[each.verdict]),
                ]
                for each in replayed.records
            ],
        )
    if replayed.left_out:
        output.lines([(f"{replayed.left_out:,} more are counted and not shown", "dim")])
    output.lines([(f"line {bad.number} is not run: {bad.why}", "red") for bad in replayed.bad_lines])
    counts = ", ".join(f"{many:,} {verdict}" for verdict, many in sorted(replayed.counts.items())) or "none"
    output.lines(
        [(f"{replayed.events:,} events; records: {counts}", "bold" if replayed.agrees else "bold red")]
    )
