"""``workers pipeline backfill``: changes are delivered again, from recorded events or exports."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path  # noqa: TC003 - typer reads annotations
from typing import TYPE_CHECKING, Annotated, Final

import typer

from worker_runtime.local.commands.asking import ask
from worker_runtime.local.commands.inputs import need_variables
from worker_runtime.local.commands.options import AsJson, DryRun, EndpointUrl, EnvFile, Yes, take_variables
from worker_runtime.local.commands.progress import status
from worker_runtime.local.commands.reporting import (
    FAILED,
    CommandFailed,
    Misuse,
    Output,
    answering,
    complain,
    counted,
    examples,
    tell,
)
from worker_runtime.local.commands.stopping import Stopped, stoppable
from workers_pipeline.data_types import DEMAND_DATA_TYPES
from workers_pipeline.local.cli.offered import complete_types, each_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workers_pipeline.local.backfill.batches import Input
    from workers_pipeline.local.backfill.books import Books, NoBooks
    from workers_pipeline.local.backfill.scope import Scope
    from workers_pipeline.local.backfill.target import Target

INTERRUPTED: Final = 130  # as shells have it

app = typer.Typer()


class BackfillStopped(CommandFailed):
    """Somebody stopped it."""


@app.command(
    "backfill",
    epilog=examples(
        "workers pipeline backfill changes.jsonl --dry-run --env-file local.env",
        "workers pipeline backfill ./export --env-file local.env --yes",
        "workers pipeline backfill s3://exports/2026-03 --since 2026-03-01 --type sale",
        "workers pipeline backfill changes.jsonl --dry-run --json --env-file local.env",
    ),
)
def backfill(  # noqa: PLR0913 - options of a command
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Recorded events (a file), or exports of the table (a folder or s3://...).",
        ),
    ],
    *,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Changes from then on: ISO 8601, UTC.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Changes before then.")] = None,
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="TYPE",
            help="Only these types; joined by commas, or said again.",
            autocompletion=complete_types,
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="FILE", help="Where to keep how far it is; else a file here."),
    ] = None,
    rejected: Annotated[
        Path | None,
        typer.Option("--rejected", metavar="FILE", help="Where to keep what is not delivered: JSON Lines."),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    endpoint_url: EndpointUrl = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Deliver changes again through the delivery worker itself, in this process, over what is stored.

    A recorded event is the same batch as before: its files are stored over, byte for byte.

    An export's items become the same changes each time, so that a repetition adds no rows.

    A batch is delivered whole where any of its changes is in range: --since, --until, --type.

    Whatever ends it, the same command goes on where it was.

    What does not fit its table is dead-lettered; what cannot be read is named, kept, and costs nothing else.

    Exit codes: 0 all delivered, 1 something was not, or it was stopped by an error, 2 called wrongly,
    130 stopped by Ctrl-C, 143 by SIGTERM.
    """
    with answering(as_json=as_json) as output, stoppable():
        from worker_runtime.local.endpoint import Endpoint  # noqa: PLC0415 - help needs no boto3
        from workers_pipeline.local.backfill import books as all_books  # noqa: PLC0415 - as above
        from workers_pipeline.local.backfill.inputs import digest_of, inputs_of  # noqa: PLC0415 - as above
        from workers_pipeline.local.backfill.report import show  # noqa: PLC0415 - as above
        from workers_pipeline.local.backfill.target import Target  # noqa: PLC0415 - as above

        wanted = _scope(since, until, types)
        _take_environment(env_file, endpoint_url)
        target, aws = Target.read(os.environ), Endpoint(None)
        with aws.asked():
            inputs = inputs_of(sources, s3=lambda: aws("s3"))
            digest = digest_of(inputs, options=f"{target.place} {wanted}")
            books = (
                all_books.NoBooks()
                if dry_run
                else all_books.Books(digest, sources, state=state, refusals=rejected)
            )
            with closing(books):
                if not books.were_closed:
                    if dry_run:
                        target.look(aws)
                    else:
                        ask(_question(inputs, books, target), yes=yes)
                        _tell_begun(books, output)
                    _run(inputs, wanted, books, output)
        show(books, output, target=target)
        if books.were_closed and output.watched:
            tell(f"This was delivered before; remove {books.state} to deliver it again.", style="bold")
        if not books.progress.tally.is_clean:
            raise typer.Exit(FAILED)


def _scope(since: str | None, until: str | None, types: Sequence[str] | None) -> Scope:
    from workers_pipeline.local.backfill.scope import Scope as Asked  # noqa: PLC0415 - help needs none of it

    asked = each_of(types)
    for each in asked:
        if each not in DEMAND_DATA_TYPES:
            raise Misuse(
                f"--type {each!r} is none that is delivered; there are: {', '.join(DEMAND_DATA_TYPES)}."
            )
    since_ms, until_ms = _moment_ms("--since", since), _moment_ms("--until", until)
    if since_ms is not None and until_ms is not None and since_ms >= until_ms:
        raise Misuse(f"nothing is from {since} on and before {until}.")
    chosen = tuple(each for each in DEMAND_DATA_TYPES if not asked or each in asked)
    return Asked(since_ms=since_ms, until_ms=until_ms, types=chosen)


def _moment_ms(option: str, text: str | None) -> int | None:
    from workers_pipeline.local.backfill.moments import moment_ms  # noqa: PLC0415 - help needs none of it

    try:
        return None if text is None else moment_ms(text)
    except ValueError:
        raise Misuse(f"{option} {text} is no time; say 2026-03-01 or 2026-03-01T12:00:00Z.") from None


def _take_environment(file: Path | None, endpoint_url: str | None) -> None:
    """Refuse what lacks a variable, or leads nowhere, before anything is read."""
    from worker_runtime.local.endpoint import Endpoint  # noqa: PLC0415 - help needs no boto3
    from worker_runtime.local.invoke import variables_needed  # noqa: PLC0415 - help needs none of it
    from worker_runtime.local.reachable import refuse_silence, refuse_stage_down  # noqa: PLC0415 - as above
    from workers_pipeline.delivering import deliver_changes  # noqa: PLC0415 - as above

    take_variables(file)
    if endpoint_url is not None:
        os.environ.update(Endpoint(endpoint_url).variables)
    declared = deliver_changes.declaration
    need_variables(*sorted(variables_needed(declared.all_grants, own=declared.grants)), environ=os.environ)
    refuse_stage_down(os.environ)
    if url := os.environ.get("AWS_ENDPOINT_URL"):
        refuse_silence(url, said_by="AWS_ENDPOINT_URL" if endpoint_url is None else "--endpoint-url")


def _question(all_inputs: Sequence[Input], books: Books | NoBooks, target: Target) -> str:
    only = books.progress.only
    inputs = all_inputs if only is None else [all_inputs[at] for at in only]
    done = books.kept if only is None else 0
    known = [each.changes for each in inputs if each.changes is not None]
    items = [counted(sum(known), "exported item")] if known else []
    recorded = len(inputs) - len(known)
    files = [counted(recorded, "file") + " of recorded events"] if recorded else []
    behind = f", behind the first {counted(done, 'change')}," if done else ""
    return f"Deliver {' and '.join((*items, *files)) or 'nothing'}{behind} to {target}?"


def _tell_begun(books: Books | NoBooks, output: Output) -> None:
    """Tell who was not asked that this goes on."""
    if not books.kept or not output.watched:
        return
    if (only := books.progress.only) is not None:
        tell(f"taking {counted(len(only), 'file')} of which nothing could be taken before", style="dim")
    else:
        tell(
            f"going on behind the first {counted(books.kept, 'change')}, as {books.state} has it", style="dim"
        )


def _run(inputs: Sequence[Input], wanted: Scope, books: Books | NoBooks, output: Output) -> None:
    from worker_runtime import Environment  # noqa: PLC0415 - help needs none of it
    from workers_pipeline.local.backfill.pace import Pace  # noqa: PLC0415 - as above
    from workers_pipeline.local.backfill.running import run  # noqa: PLC0415 - as above
    from workers_pipeline.local.backfill.worker_run import NotDelivered, delivery_worker  # noqa: PLC0415

    progress = books.progress
    counts = [each.changes for each in inputs]
    total = None if None in counts else sum(filter(None, counts))
    environment = Environment.read(os.environ)
    try:
        with (
            status(output) as line,
            delivery_worker(environment, data_types=wanted.types, dry_run=books.is_dry) as worker,
        ):
            books.begin()
            done, files = progress.tally.read, len(inputs)
            to_do = len(progress.todo(files))
            pace = Pace(changes=done, of=total, files=files - to_do, of_files=files, show=line)
            run(inputs, worker, wanted=wanted, progress=progress, keeper=books, watcher=pace)
    except NotDelivered as error:
        raise NotDelivered(f"{str(error).rstrip('.')}{_again(books)}.", halted=error.halted) from error
    except KeyboardInterrupt as stop:
        _tell_stopped(f"stopped behind {counted(books.kept, 'change')}{_again(books)}", output)
        raise typer.Exit(stop.exit_code if isinstance(stop, Stopped) else INTERRUPTED) from None
    if output.watched:
        tell(str(pace), style="dim")


def _again(books: Books | NoBooks) -> str:
    if books.is_dry or not books.kept:
        return ""
    return f"; what is done is in {books.state}, the same command goes on from there"


def _tell_stopped(told: str, output: Output) -> None:
    if output.as_json:
        complain(BackfillStopped(told), as_json=True)
    else:
        tell(told)
