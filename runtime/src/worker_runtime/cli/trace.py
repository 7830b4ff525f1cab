"""``workers trace``: a record's way through a stage, from its cause to its end, as a tree."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from worker_runtime.local.commands.options import AsJson, EnvFile, take_variables
from worker_runtime.local.commands.reporting import CommandFailed, Misuse, answering, examples, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime.local.stage.lineage.finding import Traced

app = typer.Typer(add_completion=False)

_NAMED: Final = 3  # of the folders that were looked in


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
            help="Of a message, a stream's record, a request, a dead letter, an S3 object, an item of a table"
            " (its key, a value of it, what is behind a # there), a correlation id; or its beginning.",
        ),
    ],
    *,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            metavar="DIR",
            help="The stage's state folder; without it a running one's here, else any of yours.",
        ),
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

    Exit codes: 0 it is told, 1 nothing is known of the ID, 2 it was called wrongly: the ID begins several.
    """
    with answering(as_json=as_json) as output:
        if not wanted.strip():
            raise Misuse("ID is empty; say one, or the beginning of one.")
        take_variables(env_file)
        traced = _traced(wanted, _folders(state), everything=everything)
        if as_json:
            output.json(traced)
            return
        from worker_runtime.local.stage.lineage.drawing import draw  # noqa: PLC0415 - JSON needs none
        from worker_runtime.local.stage.lineage.fitting import fit  # noqa: PLC0415 - as above

        lines = draw(traced, all_lines=logs)
        output.lines(lines if output.width is None else fit(lines, width=output.width))


def _traced(wanted: str, folders: Sequence[Path], *, everything: bool) -> Traced:
    """Look in one folder after another; only the first has to be readable."""
    from worker_runtime.local.stage.lineage.finding import ManyFound, NothingFound, find  # noqa: PLC0415 - help needs none
    from worker_runtime.local.stage.lineage.schema import FILE, LineageUnreadable, open_to_read  # noqa: PLC0415 - as above
    from worker_runtime.local.stage.lineage.ways import SHOWN  # noqa: PLC0415 - as above

    for at, folder in enumerate(folders):
        try:
            with closing(open_to_read(folder / FILE)) as db:
                traced = find(db, wanted, shown=None if everything else SHOWN)
        except ManyFound as error:
            raise Misuse(f"in {folder}, {error}") from error
        except LineageUnreadable:
            if at == 0:
                raise
        except NothingFound:
            continue
        else:
            if at:
                tell(f"of another stage than {folders[0]}: found in {folder}", style="yellow")
            return traced
    places = ", ".join(str(folder) for folder in folders[:_NAMED])
    more = f" and {len(folders) - _NAMED} more" if len(folders) > _NAMED else ""
    raise NothingKnown(
        f"nothing is known of {wanted!r} in {places}{more}; another stage's folder is named with --state."
    )


def _folders(named: Path | None) -> list[Path]:
    """Return the state folder that option or variable names, else all there are, the likeliest first."""
    from worker_runtime.local.newest_stage import stage_folders  # noqa: PLC0415 - as above
    from worker_runtime.local.stage.lineage.schema import STATE_VARIABLE  # noqa: PLC0415 - as above

    if named is not None:
        return [named]
    if said := os.environ.get(STATE_VARIABLE):
        return [Path(said)]
    folders = stage_folders()
    if not folders:
        raise NothingKnown(
            "no stage's state folder was found here or among the demos'; name one with --state."
        )
    return folders
