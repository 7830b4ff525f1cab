"""``workers dmnd retry``: failed notifications are sent once more, because a person says so."""

from __future__ import annotations

from collections import Counter
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Final

import typer
from msgspec import Struct

from worker_runtime import clock, concurrently
from worker_runtime.clients.dynamodb import Table
from worker_runtime.local.commands.asking import ask
from worker_runtime.local.commands.options import (  # noqa: TC001 - typer reads annotations
    AsJson,
    DryRun,
    EnvFile,
    Yes,
)
from worker_runtime.local.commands.progress import progress
from worker_runtime.local.commands.reporting import FAILED, Misuse, Output, answering, examples
from workers_dmnd.local.cli.options import OfSale, exactly_one, working_on
from workers_dmnd.local.operating.accounts import account_of
from workers_dmnd.local.operating.fans import Fans
from workers_dmnd.local.operating.finding import the_sale
from workers_dmnd.local.operating.reopening import LEFT, RETRIABLE, RETRIED, Reopening, Retried
from workers_dmnd.models import Status
from workers_dmnd.moves import Moves
from workers_dmnd.occasions import Occasions
from workers_dmnd.policy import NotificationPolicy
from workers_dmnd.services import Demands, Events, Notifications, Recipients, Sales
from workers_dmnd.transitions import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence

AT_ONCE: Final = 16
A_ROUND: Final = 8 * AT_ONCE

app = typer.Typer()


class Asked(Struct, frozen=True):
    """What the command asks the plugin for."""

    table: Table
    events: Events
    sales: Sales
    demands: Demands
    recipients: Recipients
    notifications: Notifications
    policy: NotificationPolicy


@app.command(
    "retry",
    epilog=examples(
        "workers dmnd retry 5f0c9a6e2b7d4f1e8a3c6b9d0e2f4a71 --reason 'number mended'",
        "workers dmnd retry --sale e-1 s-1 --reason outage --dry-run --env-file qa1.env",
        "workers dmnd retry --sale e-1 s-1 --code 30005 --reason outage --yes --json",
    ),
)
def retry(  # noqa: PLR0913 - options of a command
    notification_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="NOTIFICATION_ID...", help="Their ids, as `workers dmnd history` shows them."),
    ] = None,
    *,
    sale: OfSale = None,
    code: Annotated[
        str | None,
        typer.Option(
            "--code", metavar="CODE", help="With --sale: only those whose last error has this code."
        ),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with each of them.")],
    operator: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who asks; else the name you are logged in by.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Have failed notifications sent once more: RETRY, with all attempts and time anew (transition 16).

    What is not FAILED is left as it is, and so is what nobody is to be told any more: the event is
    suppressed, cancelled or gone, the sale is cancelled, the fan has opted out.

    More than one is asked about first; a script says --yes.

    Exit codes: 0 all of them go (or there is none), 1 some were left, 2 called wrongly.
    """
    with answering(as_json=as_json) as output:
        exactly_one(NOTIFICATION_ID=notification_ids, sale=sale)
        if code is not None and sale is None:
            raise Misuse("--code goes with --sale.")
        if not reason.strip():
            raise Misuse("--reason is empty; say why they are sent once more.")
        with working_on(Asked, env_file=env_file) as asked:
            ids = list(dict.fromkeys(notification_ids or ())) or _failed(sale, code, asked, output)
            if not dry_run:
                _ask(len(ids), sale, yes=yes)
            results = _reopened(ids, asked, output, reason=f"{reason} ({operator or getuser()})", dry=dry_run)
        _tell(results, output, dry_run=dry_run)


def _failed(sale: tuple[str, str] | None, code: str | None, asked: Asked, output: Output) -> list[str]:
    """List the ids of a sale's failed notifications, those of one error where a code is given."""
    if sale is None:
        return []
    found = []
    with progress("fans read", output=output) as advance:
        wanted = the_sale(*sale, sales=asked.sales, table=asked.table)
        for some in Fans(asked.table, asked.recipients).of(wanted):
            advance(len(some))
            accounts = [account_of(fan.item) for fan in some if fan.item is not None]
            found += [
                account["notificationId"]
                for account in accounts
                if account["status"]["id"] == Status.FAILED
                and (code is None or _code(account["lastError"]) == code)
            ]
    return found


def _code(last_error: object) -> str:
    """Return the code of an error as sender and receipts write it: ``CODE`` or ``CODE: detail``."""
    return str(last_error).partition(":")[0]


def _ask(many: int, sale: tuple[str, str] | None, *, yes: bool) -> None:
    if not many or (many == 1 and sale is None):
        return
    what = "notification" if many == 1 else "notifications"
    of_sale = f" of sale {sale[1]}" if sale else ""
    ask(f"Have {many:,} {what}{of_sale} sent once more?", yes=yes)


def _reopened(ids: Sequence[str], asked: Asked, output: Output, *, reason: str, dry: bool) -> list[Retried]:
    reopening = Reopening(
        asked.notifications,
        Occasions(asked.events, asked.sales, asked.demands),
        moves=Moves(asked.policy, now=clock.now(), by=Writer.OPERATOR),
        reason=reason,
    )

    def reopen(notification_id: str) -> Retried:
        return reopening.reopen(notification_id, dry_run=dry)

    results: list[Retried] = []
    with progress("notifications", output=output, total=len(ids)) as advance:
        for start in range(0, len(ids), A_ROUND):
            for result in concurrently(reopen, ids[start : start + A_ROUND], at_once=AT_ONCE):
                if isinstance(result, Exception):
                    raise result
                results.append(result)
                advance(1)
    return results


def _tell(results: Sequence[Retried], output: Output, *, dry_run: bool) -> None:
    """Say what became of each; typer.Exit where some were left as they are."""
    left = [each for each in results if each.result == LEFT]
    if output.as_json:
        counts = Counter(each.result for each in results)
        output.json({**{each: counts[each] for each in (RETRIED, RETRIABLE, LEFT)}, "notifications": results})
    else:
        done = "would be retried" if dry_run else "retried"
        output.lines([(f"{len(results) - len(left):,} {done}, {len(left):,} left as they are", "bold")])
        output.lines([(f"  {each.notification_id}: {each.why}", "red") for each in left])
    if left:
        raise typer.Exit(FAILED)
