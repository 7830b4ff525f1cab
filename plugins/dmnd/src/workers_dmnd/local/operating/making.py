"""One sale's notifications made now: the generator run and watched, and what came of it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker_runtime import Verdict
from worker_runtime.local.commands.reporting import CommandFailed
from workers_dmnd.local.operating.finding import the_sale
from workers_dmnd.models import Generation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workers_dmnd.local.operating.generator import Generator
    from workers_dmnd.models import Sale
    from workers_dmnd.services import Sales

LOOK_EVERY_S: Final = 1.0


class SaleLeased(CommandFailed):
    """Somebody else makes the sale's notifications at this moment."""


class Made(Struct, frozen=True):
    """How many notifications were written and found there, and how far the sale is now."""

    written: int
    skipped: int
    generation: Generation


def make(
    generator: Generator, sale: Sale, *, sales: Sales, to_the_end: bool, advance: Callable[[int], None]
) -> Made:
    """Have the generator make a sale's notifications; ``advance`` hears how many more are dealt with.

    ``to_the_end`` asks again while it gets on and is not done. Raises SaleLeased where somebody else is
    at it.
    """
    made = Made(0, 0, sale.generation)
    while True:
        with _watched(sale, sales=sales, advance=advance):
            reply = generator(sale)
        generation = the_sale(sale.event_id, sale.sale_id, sales=sales).generation
        if not reply["sales"]:
            raise SaleLeased(
                f"sale {sale.sale_id} is {generation.id}, leased until {generation.lease_until}; "
                "nothing was done, try again then."
            )
        made = Made(made.written + reply["written"], made.skipped + reply["skipped"], generation)
        if not to_the_end or generation.id != "DUE" or not (reply["written"] or reply["skipped"]):
            return made


@contextmanager
def _watched(sale: Sale, *, sales: Sales, advance: Callable[[int], None]) -> Iterator[None]:
    """Read again and again how far the sale is, in a thread of its own that ends with the block."""
    ended = threading.Event()

    def watch() -> None:
        seen = 0
        while not ended.wait(LOOK_EVERY_S):
            try:
                found = sales.find(sale.event_id, sale.sale_id)
            except Verdict:
                continue  # whoever waits for the generator hears of a table that stays away
            if found is not None and found.generation.id == "RUNNING":
                dealt_with = found.generation.written - sale.generation.written + found.generation.skipped
                advance(max(dealt_with - seen, 0))
                seen = max(dealt_with, seen)

    watcher = threading.Thread(target=copy_context().run, args=(watch,), name="watcher", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
