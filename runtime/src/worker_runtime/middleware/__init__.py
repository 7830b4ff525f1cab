"""What wraps invocations and records: a fold over plain callables, composed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from worker_runtime.errors import BrokenPlugin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.outcomes import Outcome
    from worker_runtime.records import Record

    Invoke = Callable[[Any], Any]
    Attempt = Callable[[Record[Any]], Outcome]


class Middleware(Struct, frozen=True):
    """Something around every invocation (event to reply) or every record (record to outcome).

    ``inside`` names the middleware that must stand further out; what is absent costs nothing.
    ``around_record`` is not run for workers that take a ``Batch``.
    """

    name: str
    around_invocation: Callable[[Invoke], Invoke] | None = None
    around_record: Callable[[Attempt], Attempt] | None = None
    inside: tuple[str, ...] = ()


def check_order(middleware: Sequence[Middleware]) -> None:
    """Raise BrokenPlugin where one does not stand inside what it names."""
    outer: set[str] = set()
    for each in middleware:
        if missing := set(each.inside) - outer:
            raise BrokenPlugin(
                f"middleware {each.name!r} must stand inside {sorted(missing)}; list those before it."
            )
        outer.add(each.name)


def around_invocation(middleware: Sequence[Middleware], call: Invoke) -> Invoke:
    """Fold what wraps invocations around ``call``, the first outermost."""
    for each in reversed(middleware):
        if each.around_invocation is not None:
            call = each.around_invocation(call)
    return call


def around_record(middleware: Sequence[Middleware], call: Attempt) -> Attempt:
    """Fold what wraps records around ``call``, the first outermost."""
    for each in reversed(middleware):
        if each.around_record is not None:
            call = each.around_record(call)
    return call
