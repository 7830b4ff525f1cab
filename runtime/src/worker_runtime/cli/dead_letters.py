"""``workers dead-letters``: what was rejected and why, and the way back; personal data redacted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    FAILED,
    CommandFailed,
    Misuse,
    Output,
    answering,
    examples,
)

if TYPE_CHECKING:
    from worker_runtime.local.dead_letters.office import Listed, Office, Opened, Way
    from worker_runtime.local.dead_letters.redriving import Redriven

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
    """


@app.command(
    "list",
    epilog=examples(
        "workers dead-letters list event-short-url-dlq",
        "workers dead-letters list --stack dmnd --endpoint-url http://127.0.0.1:4566 --json",
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
    """List the dead letters of a queue, or of all queues of a stack, and leave them there."""
    with answering(as_json=as_json) as output:
        if (queue is None) == (stack is None):
            raise Misuse("say a QUEUE or a --stack.")
        office = _office(endpoint_url, env_file)
        found = office.letters([queue] if queue is not None else _queues_of(stack or ""))
        if as_json:
            output.json({"letters": found})
        else:
            _show(found, output)


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
            _show_whole(each, output)


@app.command(
    "redrive",
    epilog=examples(
        "workers dead-letters redrive event-short-url-dlq --dry-run",
        "workers dead-letters redrive event-short-url-dlq --yes",
        "workers dead-letters redrive demand-stream-to-sqs-dlq --refresh --env-file qa1.env",
    ),
)
def redrive(  # noqa: PLR0913 - each is an option of the command
    queue: Annotated[
        str, typer.Argument(metavar="QUEUE", help="A queue of dead letters.", autocompletion=complete_queues)
    ],
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
    """Send the dead letters of a queue back: messages to their queue, all others to their worker.

    Records of a stream are handed to it in this process, with this environment. A letter leaves the queue
    when it has been sent or its worker has taken it; what cannot go stays. The exit code is 1 where one
    stays, where a worker rejects one anew (it waits there again), or where fewer were met than wait there.
    """
    with answering(as_json=as_json) as output:
        office = _office(endpoint_url, env_file)
        waiting = office.letters([queue])
        ways = office.ways(queue, waiting)  # before anybody is asked: a queue may be nobody's
        if dry_run:
            _show_ways(ways, output)
            return
        if not waiting:
            _tell_nothing(queue, output)
            return
        ask(f"Send back what waits in {queue} (dead letters: {len(waiting)})?", yes=yes)
        done = office.redrive(queue, refresh=refresh, seen=len(waiting))
        tell_redriven(done, output)


def _queues_of(stack: str) -> list[str]:
    from worker_runtime.catalogue import installed  # noqa: PLC0415 - help needs none of it
    from worker_runtime.local.dead_letters.office import queues_of  # noqa: PLC0415 - as above
    from worker_runtime.local.inventory import stacks, take_inventory  # noqa: PLC0415 - as above

    refuse_unknown_stack(stack, there=stacks(take_inventory(installed())))
    return queues_of(stack)


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


def tell_redriven(done: Redriven, output: Output) -> None:
    """Say what went and what stayed; typer.Exit where not all that waited went."""
    if output.as_json:
        output.json(done)
    else:
        again = f", {len(done.rejected)} of them rejected again" if done.rejected else ""
        output.lines([(f"{done.sent} sent back{again}, {len(done.kept)} kept", "bold")])
        output.lines([(f"  {why}", "red") for why in (*done.kept, *done.rejected, *_missed(done))])
    if done.kept or done.rejected or done.missed:
        raise typer.Exit(FAILED)


def _missed(done: Redriven) -> list[str]:
    """Say in one line that letters wait which were not met; none where all were."""
    if not done.missed:
        return []
    total = done.sent + len(done.kept) + done.missed
    return [f"{done.missed} of {total} not met: hidden for now, or behind one of their group; run it again."]


def _show(found: list[Listed], output: Output) -> None:
    if not found:
        output.text("No dead letters.")
        return
    columns = ("queue", "record", "worker", "code", "error", "sent")
    output.table(columns, [_row(each) for each in found])


def _show_whole(opened: Opened, output: Output) -> None:
    letter = opened.letter
    known = {
        "worker": letter.worker or "?",
        "code": letter.code,
        "error": letter.error,
        "sent": letter.sent_at,
        "form": letter.form,
        "message": opened.message_id,
        "problem": opened.problem,
    }
    output.lines(
        [
            (f"{letter.queue}  {letter.record_id}", "bold"),
            *(
                (f"  {name:8} {value}", "red" if name == "problem" else "")
                for name, value in known.items()
                if value
            ),
        ]
    )
    output.json(opened.records or letter.body)


def _row(each: Listed) -> list[tuple[str, str]]:
    texts = (each.queue, each.record_id, each.worker or "?", each.code, each.error, each.sent_at)
    return list(zip(texts, ("", "", "", "bold", "", "dim"), strict=True))


def _show_ways(ways: list[Way], output: Output) -> None:
    if output.as_json:
        output.json({"ways": ways})
    else:
        output.table(("record", "would go to"), [[(way.record_id, ""), (way.to, "")] for way in ways])
