"""``workers dmnd generate``: one sale's notifications are made now, because a person says so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from msgspec import Struct

from worker_runtime import clock
from worker_runtime.clients.dynamodb import Table
from worker_runtime.local.commands.asking import ask
from worker_runtime.local.commands.options import (  # noqa: TC001 - typer reads annotations
    AsJson,
    DryRun,
    EnvFile,
    Yes,
)
from worker_runtime.local.commands.progress import progress
from worker_runtime.local.commands.reporting import (
    FAILED,
    CommandFailed,
    Misuse,
    Output,
    answering,
    examples,
)
from workers_dmnd.local.cli.options import working_on
from workers_dmnd.local.operating.fans import Fans
from workers_dmnd.local.operating.finding import the_sale
from workers_dmnd.local.operating.forecast import Forecast, forecast
from workers_dmnd.local.operating.making import Made, make
from workers_dmnd.models import plain_item
from workers_dmnd.occasions import Occasion
from workers_dmnd.policy import instant
from workers_dmnd.services import Events, Recipients, Sales

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workers_dmnd.local.operating.fans import Fan
    from workers_dmnd.local.operating.generator import Generator
    from workers_dmnd.models import Sale

FUNCTION: Final = "NOTIFICATION_GENERATOR_FUNCTION"

app = typer.Typer()


class NobodyToBeTold(CommandFailed):
    """The sale or its event is off; the generator would give the sale up."""


class Asked(Struct, frozen=True):
    """What the command asks the plugin for."""

    table: Table
    events: Events
    sales: Sales
    recipients: Recipients


@app.command(
    "generate",
    epilog=examples(
        "workers dmnd generate e-1 s-1 --dry-run --env-file local.env",
        "workers dmnd generate e-1 s-1 --function qa1-ntfcn-gnrtr --env-file qa1.env",
        "workers dmnd generate e-1 s-1 --here --yes --json --env-file local.env",
    ),
)
def generate(  # noqa: PLR0913 - options of a command
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID", help="The event of the sale.")],
    sale_id: Annotated[str, typer.Argument(metavar="SALE_ID", help="The sale whose fans are to be told.")],
    *,
    function: Annotated[
        str | None,
        typer.Option(
            "--function",
            metavar="NAME",
            help=f"The deployed generator's name or ARN; else {FUNCTION} of the environment names it.",
        ),
    ] = None,
    here: Annotated[
        bool,
        typer.Option("--here", help="Run the worker in this process; it needs the worker's variables."),
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Have the generator make one sale's notifications now, whatever the time, and though it was given up.

    Its fans are counted first, and you are asked. Only missing notifications are made; each waits for
    the sale's own time to be sent. What one invocation leaves undone, the next minute's goes on with;
    with --here it is run until nothing is left.

    A dry run counts and writes nothing. It does not know the campaign's audience, so fewer may be told.

    Exit codes: 0 made, 1 not, or not all of them, 2 called wrongly.
    """
    with answering(as_json=as_json) as output:
        if function is not None and here:
            raise Misuse("say --function or --here, not both.")
        with working_on(Asked, env_file=env_file) as asked:
            generator = None if dry_run else _generator(function, here=here)
            sale = the_sale(event_id, sale_id, sales=asked.sales, table=asked.table)
            _refuse_what_is_off(sale, asked)
            expected = forecast(_watched(Fans(asked.table, asked.recipients), sale, output))
            if generator is None:
                _tell_forecast(sale, expected, output)
                return
            ask(_question(sale, expected), yes=yes)
            with progress("dealt with", output=output, total=expected.recipients) as advance:
                made = make(generator, sale, sales=asked.sales, to_the_end=here, advance=advance)
        _tell(sale, expected, made, output)


def _generator(function: str | None, *, here: bool) -> Generator:
    from workers_dmnd.local.operating.generator import DeployedGenerator, GeneratorHere  # noqa: PLC0415 - help needs none

    if here:
        return GeneratorHere()
    named = function or os.environ.get(FUNCTION)
    if not named:
        raise Misuse(f"which function? Say --function NAME, set {FUNCTION}, or run it with --here.")
    return DeployedGenerator(named)


def _refuse_what_is_off(sale: Sale, asked: Asked) -> None:
    why = Occasion(asked.events.find(sale.event_id), sale).why_never()
    if why is not None:
        raise NobodyToBeTold(f"{why}: nobody is to be told of sale {sale.sale_id}.")


def _watched(fans: Fans, sale: Sale, output: Output) -> Iterator[Sequence[Fan]]:
    with progress("fans counted", output=output) as advance:
        for some in fans.of(sale):
            advance(len(some))
            yield some


def _question(sale: Sale, expected: Forecast) -> str:
    given_up = ""
    if sale.generation.id == "FAILED":
        given_up = f"Sale {sale.sale_id} was given up: {sale.generation.error}. "
    if not expected.would_be_made:
        return (
            f"{given_up}No notification of sale {sale.sale_id} is missing."
            " Have the generator see to it all the same?"
        )
    when = f" and sent from {sale.notify_at}" if instant(sale.notify_at) > clock.now() else ""
    many = f"up to {expected.would_be_made:,} fans of sale {sale.sale_id}"
    return f"{given_up}Have notifications for {many} made now{when}?"


def _tell_forecast(sale: Sale, expected: Forecast, output: Output) -> None:
    if output.as_json:
        output.json(_json(sale, expected))
        return
    named = {
        "fans": expected.fans,
        "do not want to be told": expected.do_not_want,
        "have opted out": expected.opted_out,
        "have no phone number": expected.without_phone,
        "are to be told": expected.recipients,
        "have their notification": expected.already_there,
        "would be made at most": expected.would_be_made,
    }
    output.lines([(f"{count:>9,}  {name}", "") for name, count in named.items()])


def _tell(sale: Sale, expected: Forecast, made: Made, output: Output) -> None:
    """Say what came of it; typer.Exit where it is not all that is to be."""
    generation = made.generation
    if output.as_json:
        output.json({**_json(sale, expected), **plain_item(made)})
    else:
        why = f" ({generation.error})" if generation.error else ""
        style = "" if generation.id == "DONE" else "red"
        output.lines([(f"{made.written:,} written, {made.skipped:,} were there", "bold")])
        output.lines([(f"generation is {generation.id}{why}", style)])
    if generation.id != "DONE":
        raise typer.Exit(FAILED)


def _json(sale: Sale, expected: Forecast) -> dict[str, Any]:
    counted = {**plain_item(expected), "wouldBeMade": expected.would_be_made}
    return {"eventId": sale.event_id, "saleId": sale.sale_id, "forecast": counted}
