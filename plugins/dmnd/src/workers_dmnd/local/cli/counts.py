"""``workers dmnd counts``: how far sales are generated, and how many notifications are in which status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer
from msgspec import Struct

from worker_runtime.clients.dynamodb import Table
from worker_runtime.local.commands.options import AsJson, EnvFile  # noqa: TC001 - typer reads annotations
from worker_runtime.local.commands.progress import progress
from worker_runtime.local.commands.reporting import Output, answering, examples, tell
from workers_dmnd.local.cli.options import OfSale, exactly_one, working_on
from workers_dmnd.local.operating.census import SCANNED, SCANNED_TYPES, Census, WholeTable, census_of
from workers_dmnd.local.operating.fans import Fans
from workers_dmnd.local.operating.finding import sales_of, the_sale
from workers_dmnd.models import Status
from workers_dmnd.services import Recipients, Sales

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from workers_dmnd.local.operating.fans import Fan
    from workers_dmnd.models import Sale

STYLES: Final[Mapping[str, str]] = {Status.DELIVERED: "green", Status.FAILED: "red"}

app = typer.Typer()


class Asked(Struct, frozen=True):
    """What the command asks the plugin for."""

    table: Table
    sales: Sales
    recipients: Recipients


@app.command(
    "counts",
    epilog=examples(
        "workers dmnd counts --sale e-1 s-1 --env-file local.env",
        "workers dmnd counts --event e-1 --json --env-file local.env",
        "workers dmnd counts --all --env-file local.env",
    ),
)
def counts(
    *,
    sale: OfSale = None,
    event: Annotated[
        str | None, typer.Option("--event", metavar="EVENT_ID", help="All sales of an event.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All sales there are: reads, and pays for, the whole table.")
    ] = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Count notifications by sale and status, and say how far each sale is generated.

    Of a sale or an event the sales' fans are gone through, so that it is known how many want to be told
    and can be (recipients), and who of them has no notification yet. With --all the table is read from
    end to end, eight segments at once; sign-ups' confirmations and notifications of sales that are gone
    are counted too.

    Exit codes: 0 counted, 1 there is no such sale or the table does not answer, 2 called wrongly.
    """
    with answering(as_json=as_json) as output:
        exactly_one(sale=sale, event=event, all=everything)
        with working_on(Asked, env_file=env_file) as asked:
            if everything:
                found = _scanned(asked, output)
            else:
                sales = _named(asked, sale=sale, event=event)
                fans = Fans(asked.table, asked.recipients)
                found = [census_of(each, _watched(fans, each, output)) for each in sales]
        if as_json:
            output.json({"sales": found})
        else:
            _show(found, output)


def _named(asked: Asked, *, sale: tuple[str, str] | None, event: str | None) -> Iterator[Sale]:
    if sale is not None:
        yield the_sale(*sale, sales=asked.sales, table=asked.table)
    if event is not None:
        yield from sales_of(event, table=asked.table, sales=asked.sales)


def _watched(fans: Fans, sale: Sale, output: Output) -> Iterator[Sequence[Fan]]:
    with progress(f"fans of {sale.sale_id}", output=output) as advance:
        for some in fans.of(sale):
            advance(len(some))
            yield some


def _scanned(asked: Asked, output: Output) -> list[Census]:
    from worker_runtime.local.table_scan import scan, table_size  # noqa: PLC0415 - for --all alone

    name = asked.table.name
    size = table_size(name)
    if output.watched:
        cost = f"about {size.items:,} items, {size.read_units:,} read units"
        tell(f"Reading the whole table {name}: {cost}.", style="yellow")
    whole = WholeTable()
    with progress("items read", output=output, total=size.items or None) as advance:

        def see(items: Sequence[Mapping[str, Any]], read: int) -> None:
            whole.see(items)
            advance(read)

        scan(name, see=see, attributes=SCANNED, where=("type", SCANNED_TYPES))
    return whole.censuses()


def _show(found: Sequence[Census], output: Output) -> None:
    if not found:
        output.text("No sales.")
        return
    known = {status for each in found for status in each.notifications}
    statuses = [*(status for status in Status if status in known), *sorted(known - set(Status))]
    columns = ("event", "sale", "generation", "recipients", "missing", *statuses)
    output.table(columns, [_row(each, statuses) for each in found])


def _row(each: Census, statuses: Sequence[str]) -> list[tuple[str, str]]:
    generation = (each.generation or {}).get("id", "?")
    error = (each.generation or {}).get("error")
    return [
        (each.event_id, ""),
        (each.sale_id or "–", "bold"),  # noqa: RUF001 - a dash is meant
        (f"{generation} {error}" if error else generation, "red" if generation == "FAILED" else ""),
        *((_number(count), "") for count in (each.recipients, each.missing)),
        *((_number(each.notifications.get(status, 0)), STYLES.get(status, "")) for status in statuses),
    ]


def _number(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"
