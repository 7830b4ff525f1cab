"""``workers new``: skeletons of a plugin and of a worker, which pass their own checks as written."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations
from typing import Annotated

import typer

from worker_runtime.cli.skeletons.places import Place, shown
from worker_runtime.cli.skeletons.plugins import write_plugin
from worker_runtime.cli.skeletons.sources import SourceKind  # noqa: TC001 - typer reads annotations
from worker_runtime.cli.skeletons.trying import command_to_try, own_command
from worker_runtime.cli.skeletons.workers import write_worker
from worker_runtime.local.commands.reporting import answering, examples, tell

app = typer.Typer(add_completion=False)


@app.callback(
    epilog=examples("workers new plugin greetings", "workers new worker greetings.sayHello --source sqs")
)
def new() -> None:
    """Write the skeleton of a plugin or a worker; nothing is ever overwritten."""


@app.command(
    "plugin",
    epilog=examples("workers new plugin greetings", "workers new plugin greetings --into ../greetings"),
)
def plugin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case words, as in fan_identity.")],
    *,
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="DIR", help="Its folder; without it plugins/NAME or ./workers-NAME."),
    ] = None,
) -> None:
    """Write a new plugin: a distribution with one small worker that shows every room, and its test.

    In a workspace whose members are plugins/* it goes to plugins/NAME, its tests to tests/plugins/NAME;
    elsewhere it stands alone, with its own settings for ruff, mypy and pytest.
    """
    with answering() as output:
        place, written = write_plugin(name, into=into)
        for file in written:
            output.text(shown(file))
        _say_next(place)


@app.command(
    "worker",
    epilog=examples(
        "workers new worker greetings.sayHello --source sqs",
        "workers new worker greetings.seatGuest --source sqs-fifo",
        "workers new worker greetings.openDoors --source schedule",
        "workers new worker greetings.showGuest --source api-gateway",
        "workers new worker greetings.countGuests --source kinesis --into ../greetings",
    ),
)
def worker(
    worker_id: Annotated[
        str, typer.Argument(metavar="PLUGIN.ID", help="The plugin and the effect, as in greetings.sayHello.")
    ],
    *,
    source: Annotated[SourceKind, typer.Option("--source", help="Where its records come from.")],
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="DIR", help="The plugin's folder, if it is not found here."),
    ] = None,
) -> None:
    """Write a new worker into a plugin: its module, its model, its entry point, its test, and an event.

    The event is one that Lambda would send; the command that tries the worker on it is told at the end.
    """
    with answering() as output:
        place, written, added_to = write_worker(worker_id, source=source, into=into)
        for file in written:
            output.text(shown(file))
        for file in added_to:
            tell(f"added to {shown(file)}")
        _say_next(place)
        *_, event = written
        tell("then try it:", style="bold")
        tell(command_to_try(worker_id, source=source, event=event))


def _say_next(place: Place) -> None:
    pip = f"{own_command('python')} -m pip install -e '{shown(place.folder)}[test]'"
    listed, tested = f"{own_command('workers')} list", f"{own_command('pytest')} {shown(place.tests)}"
    tell(f"next: {pip if place.alone else 'make install'}, then `{listed}` and `{tested}`", style="bold")
