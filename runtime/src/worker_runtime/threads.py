"""Many calls at once, in threads that see what their caller sees: lanes of a batch, a worker's fan-out."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")

_in_turn: ContextVar[bool] = ContextVar("in_turn", default=False)


@contextmanager
def in_turn() -> Iterator[None]:
    """Make calls one after the other inside the block: a run that is to be the same again."""
    token = _in_turn.set(True)
    try:
        yield
    finally:
        _in_turn.reset(token)


def concurrently(call: Callable[[T], R], items: Iterable[T], *, at_once: int) -> list[R | Exception]:
    """Call ``call`` with each item, ``at_once`` of them at a time; what one raised stands at its position.

    The threads run in copies of the caller's context (clock, deadline, record, correlation id).
    Nothing is running any more when this returns.
    """

    def outcome_of(item: T) -> R | Exception:
        try:
            return call(item)
        except Exception as error:  # noqa: BLE001 - the caller decides what each error means
            return error

    if _in_turn.get():
        return [outcome_of(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only who runs threads pays

    with ThreadPoolExecutor(at_once) as pool:
        running = [pool.submit(copy_context().run, outcome_of, item) for item in items]
    return [each.result() for each in running]
