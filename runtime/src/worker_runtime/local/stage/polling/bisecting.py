"""How Lambda retries a stream's batch: halved on an error, cut where a reply says so, in the end given up.

The rule alone; the poller keeps the pieces in order, tries the first and puts what comes of it in
front of the others. ``run(batch, n)``: an error and more than one record is ``run(left, n)``, then
``run(right, n)``; one record is ``n + 1``, given up when that exceeds the retries. Splitting spends
no retry, and progress neither spends one nor gives one back: AWS was recorded to invoke a record that
a partial reply left over as often as one that failed from the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")

UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class Piece(Generic[R]):
    """Records of one batch that are tried together, and how many tries they have spent."""

    records: tuple[R, ...]
    spent: int = 0


@dataclass(frozen=True, slots=True)
class Next(Generic[R]):
    """What is to be tried next, in this order, or the piece that Lambda gives up."""

    again: tuple[Piece[R], ...] = ()
    given_up: Piece[R] | None = None


def after_error(piece: Piece[R], *, bisect: bool, retries: int) -> Next[R]:
    """Decide after an error, a time-out or a reply that fails the whole batch."""
    if bisect and len(piece.records) > 1:
        middle = (len(piece.records) + 1) // 2
        halves = piece.records[:middle], piece.records[middle:]
        return Next(again=tuple(Piece(half, piece.spent) for half in halves))
    return _tried_again(piece, retries=retries)


def after_partial(piece: Piece[R], at: int, *, retries: int) -> Next[R]:
    """Decide after a reply whose lowest failed record is at position ``at``; those before it are done."""
    if at > 0:
        return Next(again=(Piece(piece.records[at:], piece.spent),))
    return _tried_again(piece, retries=retries)


def _tried_again(piece: Piece[R], *, retries: int) -> Next[R]:
    tried = Piece(piece.records, piece.spent + 1)
    if retries != UNLIMITED and tried.spent > retries:
        return Next(given_up=tried)
    return Next(again=(tried,))
