"""``workers replay``: recorded events run again, what becomes of them compared with what became."""

from __future__ import annotations

import os
from collections import Counter
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
from worker_runtime.local.commands.reporting import FAILED, Misuse, Output, answering, counted, examples, tell

if TYPE_CHECKING:
    from worker_runtime.local.recording.comparing import Compared
    from worker_runtime.local.recording.lines import Event
    from worker_runtime.local.recording.replaying import Replayed

app = typer.Typer(add_completion=False)

_STYLES = {"same": "green", "different": "bold red", "masked": "yellow", "not recorded": "dim"}
_WORDS = {"masked": "not comparable: personal data was masked"}


@app.command(
    "replay",
    epilog=examples(
        "workers replay run.jsonl --env-file .stage/stage.env --done-before",
        "workers replay run.jsonl --worker shop.shipOrder --env-file local.env",
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
    everything: Annotated[bool, typer.Option("--all", help="Show also what is the same.")] = False,
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
        from worker_runtime.local.recording.letters_written import letters_written  # noqa: PLC0415
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
            ask(f"AWS_ENDPOINT_URL is not set: run {counted(there.total(), 'event')} on AWS itself?", yes=yes)
        letters: Counter[str] = Counter()
        with progress("events", output=output, total=there.total()) as advance:

            def done(event: Event) -> None:
                advance(1)
                letters.update(letters_written(event))
                if logs:
                    for line in workers.printed.splitlines():
                        tell(line)

            replayed = run_again(
                recording, workers=workers, worker=worker_id, done_before=done_before, done=done
            )
        if not replayed.events and not replayed.unread:
            of = f" of {worker_id}" if worker_id else ""
            raise Misuse(f"{file} has no events{of}.")
        replayed.dead_letters = letters
        _show(replayed, output, everything=everything, done_before=done_before)
        if not replayed.agrees:
            raise typer.Exit(FAILED)


def _show(replayed: Replayed, output: Output, *, everything: bool, done_before: bool) -> None:
    if output.as_json:
        output.json(replayed)
        return
    rows = replayed.records if everything else replayed.differing
    if rows:
        output.table(("line", "worker", "record", "recorded", "now", ""), [_row(each) for each in rows])
    wanted = replayed.counts.total() - (0 if everything else replayed.counts["same"])
    if wanted > len(rows):
        output.lines([(f"{wanted - len(rows):,} more are counted and not shown", "dim")])
    output.lines([(f"line {bad.number} is not run: {bad.why}", "red") for bad in replayed.bad_lines])
    counts = ", ".join(f"{many:,} {verdict}" for verdict, many in sorted(replayed.counts.items())) or "none"
    events = counted(replayed.events, "event")
    output.lines([(f"{events}; records: {counts}", "bold" if replayed.agrees else "bold red")])
    for queue, many in sorted(replayed.dead_letters.items()):
        output.lines([(f"written: {counted(many, 'dead letter')}, to {queue}", "yellow")])
    if not done_before and any(each.now.startswith("skip") for each in replayed.differing):
        tell("Skipped now, for it is done already? --done-before takes that for the same.", style="dim")


def _row(each: Compared) -> list[tuple[str, str]]:
    verdict = (_WORDS.get(each.verdict, each.verdict), _STYLES[each.verdict])
    return [
        (str(each.line), "dim"),
        (each.worker, ""),
        (each.record, ""),
        (each.recorded, ""),
        (each.now, ""),
        verdict,
    ]
