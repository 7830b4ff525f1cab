"""``workers dmnd history``: how it stands with a notification, with a fan's, with a sale's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct

from worker_runtime.clients.dynamodb import Table
from worker_runtime.local.commands.options import AsJson, EnvFile  # noqa: TC001 - typer reads annotations
from worker_runtime.local.commands.progress import progress
from worker_runtime.local.commands.reporting import Output, answering, examples
from workers_dmnd.local.cli.options import OfSale, exactly_one, working_on
from workers_dmnd.local.operating.accounts import account_of, shown, with_messages
from workers_dmnd.local.operating.fans import Fans
from workers_dmnd.local.operating.finding import notifications_of_fan, the_notification, the_sale
from workers_dmnd.models import Status  # typer reads annotations
from workers_dmnd.services import Receipts, Recipients, Sales

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from workers_dmnd.local.operating.accounts import Account

app = typer.Typer()


class Asked(Struct, frozen=True):
    """What the command asks the plugin for."""

    table: Table
    sales: Sales
    recipients: Recipients
    receipts: Receipts


@app.command(
    "history",
    epilog=examples(
        "workers dmnd history 5f0c9a6e2b7d4f1e8a3c6b9d0e2f4a71 --env-file local.env",
        "workers dmnd history --user u-1 --json --env-file local.env",
        "workers dmnd history --sale e-1 s-1 --status FAILED --env-file local.env",
    ),
)
def history(  # noqa: PLR0913 - options of a command
    notification_id: Annotated[
        str | None, typer.Argument(metavar="NOTIFICATION_ID", help="One notification, told in full.")
    ] = None,
    *,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER_ID", help="All notifications of a fan, by time.")
    ] = None,
    sale: OfSale = None,
    status: Annotated[
        Status | None, typer.Option("--status", help="Only those in this status.", case_sensitive=False)
    ] = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show phone numbers, which are masked else.")
    ] = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Tell how it stands with notifications: of one, of a fan or of a sale's fans.

    There is no log of what happened to a notification: what is told stands in its item now. That is its
    status (since when, by whose hand, why), attempts, epoch, lease, when it was sent and delivered, and
    the last error; of one, also whose its message is, a receipt that is kept for it, and what may happen
    next. A sale's are those that the generator makes, without sign-ups' confirmations.

    Exit codes: 0 told, 1 no such notification or sale, or no answer from the table, 2 called wrongly.
    """
    with answering(as_json=as_json) as output:
        exactly_one(NOTIFICATION_ID=notification_id, user=user, sale=sale)
        with working_on(Asked, env_file=env_file) as asked:
            if notification_id is not None:
                told: Iterable[Account] = [_one(notification_id, asked)]
            else:
                told = map(account_of, _items(asked, output, user=user, sale=sale))
            accounts = [
                shown(account, reveal=reveal)
                for account in told
                if status is None or account["status"]["id"] == status
            ]
        if as_json:
            output.json({"notifications": accounts})
        elif notification_id is not None and accounts:
            _show_one(accounts[0], output)
        else:
            _show_all(accounts, output)


def _one(notification_id: str, asked: Asked) -> Account:
    account = account_of(the_notification(notification_id, table=asked.table))
    message_id, receipts = account["messageId"], asked.receipts
    return with_messages(
        account,
        pointer=receipts.pointer(message_id) if message_id else None,
        receipt=receipts.parked(message_id) if message_id else None,
    )


def _items(
    asked: Asked, output: Output, *, user: str | None, sale: tuple[str, str] | None
) -> Iterator[dict[str, Any]]:
    if user is not None:
        yield from notifications_of_fan(user, table=asked.table)
    if sale is not None:
        found = the_sale(*sale, sales=asked.sales, table=asked.table)
        with progress("fans read", output=output) as advance:
            for some in Fans(asked.table, asked.recipients).of(found):
                advance(len(some))
                yield from (dict(fan.item) for fan in some if fan.item is not None)


def _show_one(account: Account, output: Output) -> None:
    status = account["status"]
    output.lines([(f"{account['notificationId']} is {status['id']}", "bold")])
    since = {"since": status["at"], "by": status["by"], "reason": status["reason"]}
    plain = {name: value for name, value in account.items() if name not in ("next", "status")}
    rows = [(name, _word(value)) for name, value in (since | plain).items() if value is not None]
    output.table(("", ""), [[(name, "dim"), (value, "")] for name, value in rows])
    steps = [
        [(each["transition"], "bold"), (each["becomes"], ""), (", ".join(each["by"]), ""), (each["when"], "")]
        for each in account["next"]
    ]
    if steps:
        output.table(("next", "becomes", "by", "when"), steps)
    else:
        output.lines([("Nothing more will happen to it.", "")])


def _show_all(accounts: Sequence[Account], output: Output) -> None:
    if not accounts:
        output.text("No notifications.")
        return
    columns = ("notification", "fan", "sale", "status", "since", "tries", "why")
    output.table(columns, [_row(account) for account in accounts])


def _row(account: Account) -> list[tuple[str, str]]:
    status = account["status"]
    told = (
        *(account["notificationId"], account["userId"], account["saleId"]),
        *(status["id"], status["at"], account["attempts"]),
        account["lastError"] or status["reason"],
    )
    styles = ("", "", "", "red" if status["id"] == Status.FAILED else "bold", "dim", "", "")
    return [(_word(value), style) for value, style in zip(told, styles, strict=True)]


def _word(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return "" if value is None else str(value)
