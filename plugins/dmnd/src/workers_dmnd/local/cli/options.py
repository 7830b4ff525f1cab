"""What the operator's commands share: how a sale is named, and the demand table that they work on."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from worker_runtime import Reject, Verdict
from worker_runtime.local.commands.inputs import need_variables
from worker_runtime.local.commands.options import take_variables
from worker_runtime.local.commands.provided import provided
from worker_runtime.local.commands.reporting import CommandFailed, Misuse
from worker_runtime.local.reachable import refuse_stage_down

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

T = TypeVar("T")

PLUGIN = "dmnd"


def _both(sale: tuple[str, str] | None) -> tuple[str, str] | None:
    """Refuse an option that was taken for an id, where one of the two is left out."""
    if sale is not None and any(each.startswith("-") for each in sale):
        raise typer.BadParameter("it takes two ids, EVENT_ID SALE_ID.")
    return sale


OfSale = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--sale", metavar="EVENT_ID SALE_ID", help="The notifications of one sale's fans.", callback=_both
    ),
]


class TableUnanswered(CommandFailed):
    """The demand table is out of reach, or refuses us."""


class BadItem(CommandFailed):
    """The demand table holds something else where an item of ours should be."""


def exactly_one(**given: object) -> None:
    """Raise Misuse unless one of these was said, each by how it is written."""
    if sum(bool(each) for each in given.values()) != 1:
        ways = [name if name.isupper() else f"--{name}" for name in given]
        raise Misuse(f"say one of {', '.join(ways)}.")


@contextmanager
def working_on(wanted: type[T], *, env_file: Path | None) -> Iterator[T]:
    """Give a command the services that it wants, made as the workers' are, by this environment.

    What the table answers to the block's calls is told as an error of the command.
    """
    take_variables(env_file)
    refuse_stage_down(os.environ)
    need_variables("AWS_REGION", "DEMAND_TABLE", environ=os.environ)
    try:
        with provided(wanted, plugin=PLUGIN) as services:
            yield services
    except Reject as reject:
        raise BadItem(f"{_table()}: {reject}; mend the item.") from reject
    except Verdict as verdict:
        why = str(verdict).rstrip(".")
        cure = "are DEMAND_TABLE, AWS_ENDPOINT_URL and the credentials right?"
        raise TableUnanswered(f"{_table()}: {why}; {cure}") from verdict


def _table() -> str:
    where = os.environ.get("AWS_ENDPOINT_URL") or f"AWS in {os.environ['AWS_REGION']}"
    return f"table {os.environ['DEMAND_TABLE']} at {where}"
