"""How the generation of a sale's notifications goes from one state to the next; no I/O.

A pass goes over all fans of a sale. It begins anew from NONE, DUE or DONE, and by hand from FAILED; one
that was interrupted goes on behind the fan that it has dealt with last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from workers_dmnd.policy import instant
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from workers_dmnd.models import Generation, Sale


def is_due(sale: Sale, *, now: float) -> bool:
    """Say whether a tick is to go on with a sale, as far as can be seen before its lease is taken."""
    generation, at = sale.generation, timestamp(now)
    match generation.id:
        case "DUE":
            return True
        case "RUNNING":
            return generation.lease_until is None or generation.lease_until < at
        case "DONE":
            return sale.due_at is not None and sale.due_at <= at
        case _:
            return False


def taken(generation: Generation, *, owner: str, until: float) -> Generation:
    """Return a generation in its next owner's hands: its pass goes on, or a new one begins."""
    ours = replace(generation, id="RUNNING", lease_owner=owner, lease_until=timestamp(until), error=None)
    is_under_way = generation.id == "RUNNING" or (generation.id == "DUE" and generation.cursor is not None)
    if is_under_way:
        return ours
    return replace(ours, passes=generation.passes + 1, shard=0, cursor=None, skipped=0)


def advanced(generation: Generation, *, shard: int, cursor: str, written: int, skipped: int) -> Generation:
    """Return a generation behind one more chunk, that ended with the fan ``cursor`` of a shard."""
    return replace(
        generation,
        shard=shard,
        cursor=cursor,
        written=generation.written + written,
        skipped=generation.skipped + skipped,
    )


def put_off(generation: Generation) -> Generation:
    """Return a generation that somebody has to go on with; a pass without a whole chunk has not begun.

    So the next one has its number, by which it knows the notifications of the chunk that was cut off.
    """
    began = generation.passes - (generation.cursor is None)
    return replace(generation, id="DUE", passes=began)


def finished(sale: Sale, generation: Generation, *, now: float) -> Generation:
    """Return a generation whose pass has seen all fans; one before its time does not count as a look."""
    first_look = generation.passes + 1 if now < instant(sale.notify_at) else generation.first_look
    return replace(generation, id="DONE", shard=0, cursor=None, first_look=first_look)


def failed(generation: Generation, *, code: str) -> Generation:
    """Return a generation that nobody goes on with, unless a person has it begin anew."""
    first_look = generation.passes + 1
    return replace(generation, id="FAILED", shard=0, cursor=None, error=code, first_look=first_look)


def next_pass_at(sale: Sale, generation: Generation, *, now: float, every_s: float) -> str | None:
    """Return when the sale is to be looked at after a pass; None: never again.

    A first look always has a second, for demands that the index told of too late; a pass that somebody
    asked for before ``notifyAt`` is none.
    """
    notify_at = instant(sale.notify_at)
    if now < notify_at:
        return timestamp(notify_at)
    following = now + every_s
    is_open = sale.closes_at is not None and following <= instant(sale.closes_at)
    return timestamp(following) if is_open or generation.passes == (generation.first_look or 1) else None
