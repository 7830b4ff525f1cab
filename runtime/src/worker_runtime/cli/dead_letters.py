"""``workers dead-letters``: what was rejected and why, and the way back; personal data masked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker_runtime.cli.shown_letters import show_letters, show_ways, show_whole, tell_redriven
from worker_runtime.local.commands.asking import ask
from worker_runtime.local.commands.options import (
    AsJson,
    EndpointUrl,
    StackName,
    Yes,
    complete_queues,
    refuse_unknown_stack,
    take_variables,
)
from worker_runtime.local.commands.reporting import (
    CommandFailed,
    Misuse,
    Output,
    answering,
    examples,
    tell,
)

if TYPE_CHECKING:
    from worker_runtime.local.dead_letters.office import Listed, Office

app = typer.Typer(add_completion=False)


class NoSuchLetter(CommandFailed):
    """A queue has no letter of the id that is asked for."""


EnvFile = Annotated[
    Path | None, typer.Option("--env-file", metavar="FILE", help="NAME=value lines: the queues' real names.")
]


@app.callback(
    epilog=examples(
        "workers dead-letters list --stack dmnd --endpoint-url http://127.0.0.1:4566",
        "workers dead-letters redrive event-short-url-dlq --dry-run",
    )
)
def dead_letters() -> None:
    """List dead letters, show what they hold, and send them back where they came from.

    QUEUE is the logical name, as declared, or the queue's URL. Its real name is taken from the variable
    that the manifest names, else looked up, under its own name and as a local stage names it.

    Personal data is masked as in recordings. When a letter was sent is told by its queue's clock: on a
    local stage the machine's, not the stage's own, which `workers trace` goes by.
    """


@app.command(
    "list",
    epilog=examples(
        "workers dead-letters list event-short-url-dlq",
        "workers dead-letters list --env-file .stage/stage.env",
        "workers dead-letters list --stack dmnd --env-file local.env --json",
    ),
)
def list_letters(
    queue: Annotated[
        str | None,
        typer.Argument(metavar="QUEUE", help="A queue of dead letters.", autocompletion=complete_queues),
    ] = None,
    *,
    stack: StackName = None,
    endpoint_url: EndpointUrl = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """List the dead letters of a queue, of all queues of a stack, or of all that the variables name.

    They are left there.

    Exit codes: 0 they are told, or there is none, 1 AWS does not answer, 2 it was called wrongly.
    """
    with answering(as_json=as_json) as output:
        if queue is not None and stack is not None:
            raise Misuse("say a QUEUE or a --stack, not both.")
        office = _office(endpoint_url, env_file)
        found = office.letters([queue] if queue is not None else _queues_of(stack))
        if as_json:
            output.json({"letters": found})
        else:
            show_letters(found, output, clock=_clock())


@app.command(
    "show",
    epilog=examples(
        "workers dead-letters show event-short-url-dlq",
        "workers dead-letters show demand-stream-to-sqs-dlq 4953 --json",
    ),
)
def show(
    queue: Annotated[
        str, typer.Argument(metavar="QUEUE", help="A queue of dead letters.", autocompletion=complete_queues)
    ],
    wanted: Annotated[
        str | None,
        typer.Argument(
            metavar="ID", help="Of a record or a letter, or the beginning of one; all without it."
        ),
    ] = None,
    *,
    endpoint_url: EndpointUrl = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Show dead letters with all that they hold, and leave them there.

    Where Lambda only named the records, they are fetched from their stream while it still has them.

    Exit codes: 0 they are shown, 1 there is none of that ID, or AWS does not answer, 2 it was called wrongly.
    """
    with answering(as_json=as_json) as output:
        opened = _office(endpoint_url, env_file).opened(queue, wanted)
        if wanted is not None and not opened:
            raise NoSuchLetter(f"no dead letter in {queue} begins with {wanted!r}; `list` shows them all.")
        if as_json:
            output.json({"letters": opened})
        elif not opened:
            output.text("No dead letters.")
        for each in () if as_json else opened:
            show_whole(each, output, clock=_clock())


@app.command(
    "redrive",
    epilog=examples(
        "workers dead-letters redrive event-short-url-dlq --dry-run",
        "workers dead-letters redrive event-short-url-dlq 4953 --yes",
        "workers dead-letters redrive event-short-url-dlq --refresh --env-file qa1.env",
    ),
)
def redrive(  # noqa: PLR0913 - each is an option of the command
    queue: Annotated[
        str, typer.Argument(metavar="QUEUE", help="A queue of dead letters.", autocompletion=complete_queues)
    ],
    wanted: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Of one record or letter, or its beginning; all without it."),
    ] = None,
    *,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Take changed items as they are in the table now.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say where each letter would go, and leave it there.")
    ] = False,
    yes: Yes = False,
    endpoint_url: EndpointUrl = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Send the dead letters of a queue, or one, back: messages to their queue, all others to their worker.

    Records of a stream are handed to it in this process, with this environment. A letter leaves the queue
    when it has been sent or its worker has taken it; what cannot go stays.

    Exit codes: 0 all went, 1 one stays, is rejected anew (it waits there again) or was not met, or you said
    no, 2 it was called wrongly.
    """
    with answering(as_json=as_json) as output:
        office = _office(endpoint_url, env_file)
        waiting = office.letters([queue])
        meant = _meant(waiting, queue, wanted)
        ways = office.ways(queue, meant)  # before anybody is asked: a queue may be nobody's
        if dry_run:
            show_ways(ways, output)
            return
        if not waiting:
            _tell_nothing(queue, output)
            return
        what = "what waits" if wanted is None else f"{meant[0].place}, which waits"
        ask(f"Send back {what} in {queue} (dead letters: {len(meant)})?", yes=yes)
        done = office.redrive(queue, refresh=refresh, seen=len(waiting), wanted=wanted)
        tell_redriven(done, output)
        if done.sent and output.watched:
            tell(_what_to_ask(queue, env_file), style="dim")


def _meant(waiting: list[Listed], queue: str, wanted: str | None) -> list[Listed]:
    """Return the letters that are meant: all, or those of the one record or letter that is named."""
    if wanted is None:
        return waiting
    meant = [each for each in waiting if each.is_called(wanted)]
    if not meant:
        raise NoSuchLetter(f"no dead letter in {queue} begins with {wanted!r}; `list` shows them all.")
    if len({each.place for each in meant}) > 1:
        listed = ", ".join(sorted({each.place for each in meant}))
        raise Misuse(f"{wanted!r} begins {len(meant)} dead letters' ids; say more of one: {listed}.")
    return meant


def _what_to_ask(queue: str, env_file: Path | None) -> str:
    """Say how what became of the letters is seen; on a stage, which names itself, it can be traced."""
    from worker_runtime.local.stage.lineage.schema import STATE_VARIABLE  # noqa: PLC0415 - help needs none of it

    traced = " `workers trace ID` tells what became of each," if os.environ.get(STATE_VARIABLE) else ""
    led = f" --env-file {env_file}" if env_file else ""
    return f"They may come back:{traced} `workers dead-letters list {queue}{led}` whether they did."


def _queues_of(stack: str | None) -> list[str]:
    from worker_runtime.catalogue import installed  # noqa: PLC0415 - help needs none of it
    from worker_runtime.local.dead_letters.office import named_queues, queues_of  # noqa: PLC0415 - as above
    from worker_runtime.local.inventory import stacks, take_inventory  # noqa: PLC0415 - as above

    if stack is None:
        if named := named_queues(os.environ):
            return named
        raise Misuse("say a QUEUE or a --stack, or name the file of a stage's variables with --env-file.")
    refuse_unknown_stack(stack, there=stacks(take_inventory(installed())))
    return queues_of(stack)


def _clock() -> str:
    """Name the clock by which a letter was sent where there is another: a stage's own, in its variables."""
    return "machine's clock" if os.environ.get("WORKER_CLOCK") else ""


def _office(endpoint_url: str | None, env_file: Path | None) -> Office:
    from worker_runtime.local.dead_letters.office import Office as Opened  # noqa: PLC0415 - help needs no boto3

    take_variables(env_file)
    return Opened(endpoint_url)


def _tell_nothing(queue: str, output: Output) -> None:
    from worker_runtime.local.dead_letters.redriving import Redriven as Nothing  # noqa: PLC0415 - as above

    if output.as_json:
        output.json(Nothing(sent=0, kept=()))
    else:
        output.text(f"Nothing waits in {queue}.")
