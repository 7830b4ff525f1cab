"""``workers trace``: a record's way through a stage, from its cause to its end, as a tree."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker_runtime.local.commands.options import AsJson, EnvFile, take_variables
from worker_runtime.local.commands.reporting import CommandFailed, Misuse, answering, examples

if TYPE_CHECKING:
    from worker_runtime.local.stage.lineage.finding import Traced

app = typer.Typer(add_completion=False)


class NothingKnown(CommandFailed):
    """The stage knows nothing of the id."""


@app.command(
    epilog=examples(
        "workers trace 9446a7b4",
        "workers trace EVENT#1042 --logs",
        "workers trace 4049e355-5d58-43d7-903a-5e8549592a31 --state .stage --json",
    )
)
def trace(  # noqa: PLR0913 - each is an option of the command
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Of a message, a stream's record, a request, a dead letter, an S3 object, an item of a"
            " table (its key or one value of it), a correlation id; or the beginning of one.",
        ),
    ],
    *,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="DIR", help="The stage's state folder; the newest without it."),
    ] = None,
    logs: Annotated[bool, typer.Option("--logs", help="Show all that the workers printed.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Show all that was made, however much it is.")
    ] = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Tell a record's way through a stage: where it came from, each try, what it caused, how it ended.

    Times are the stage's; behind them stands how many seconds of the machine's time had passed. The
    stage may be running or over. Personal data was made unreadable when it was written down.
    """
    with answering(as_json=as_json) as output:
        take_variables(env_file)
        traced = _traced(wanted, _folder(state), everything=everything)
        if as_json:
            output.json(traced)
            return
        from worker_runtime.local.stage.lineage.drawing import draw  # noqa: PLC0415 - JSON needs none

        output.lines(draw(traced, all_lines=logs))


def _traced(wanted: str, folder: Path, *, everything: bool) -> Traced:
    from worker_runtime.local.stage.lineage.finding import ManyFound, NothingFound, find  # noqa: PLC0415 - help needs none
    from worker_runtime.local.stage.lineage.schema import FILE, open_to_read  # noqa: PLC0415 - as above
    from worker_runtime.local.stage.lineage.ways import SHOWN  # noqa: PLC0415 - as above

    with closing(open_to_read(folder / FILE)) as db:
        try:
            return find(db, wanted, shown=None if everything else SHOWN)
        except ManyFound as error:
            raise Misuse(str(error)) from error
        except NothingFound as error:
            raise NothingKnown(
                f"{error} in {folder}; another stage's folder is named with --state."
            ) from error


def _folder(named: Path | None) -> Path:
    """Return the state folder that is named, by option or variable, else the newest there is."""
    from worker_runtime.local.newest_stage import newest_folder  # noqa: PLC0415 - as above
    from worker_runtime.local.stage.lineage.schema import STATE_VARIABLE  # noqa: PLC0415 - as above

    if named is not None:
        return named
    if said := os.environ.get(STATE_VARIABLE):
        return Path(said)
    newest = newest_folder()
    if newest is None:
        raise NothingKnown(
            "no stage's state folder was found here or among the demos'; name one with --state."
        )
    return newest
