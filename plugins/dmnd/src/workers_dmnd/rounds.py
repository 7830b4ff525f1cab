"""A tick's rounds through what is due: many at once, shard after shard, while there is time."""

from __future__ import annotations

import logging
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from worker_runtime import Halt, Reject, Retry, Verdict, concurrently
from workers_dmnd.keys import SHARDS
from workers_dmnd.rules import minute_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Name = TypeVar("Name", str, tuple[str, str])

AT_ONCE: Final = 16
READ_AHEAD: Final = 8 * AT_ONCE
FAILURES_TOLD: Final = 3
LEFT: Final = "left for the next tick"
UNREADABLE: Final = "Unreadable"
MISSHAPEN: Final = "BAD_"
"""How the codes begin under which adapters reject items of another shape."""

log = logging.getLogger(__name__)


def shards_at(now: float) -> list[int]:
    """List all shards, each minute from another one on, so that none is always the last."""
    first = minute_of(now) % SHARDS
    return [(first + at) % SHARDS for at in range(SHARDS)]


class Tally:
    """What a tick did, by name, and what failed; touched by the tick's own thread only."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self._failures: list[str] = []

    def go_round(
        self,
        due_in: Callable[[int], Iterator[str]],
        deal_with: Callable[[str], str | None],
        *,
        now: float,
        is_over: Callable[[], bool],
    ) -> bool:
        """Go through what is due in each shard; see ``go_through``."""
        return all(self.go_through(due_in(shard), deal_with, is_over=is_over) for shard in shards_at(now))

    def go_through(
        self, due: Iterator[Name], deal_with: Callable[[Name], str | None], *, is_over: Callable[[], bool]
    ) -> bool:
        """Deal with what is due until it ``is_over``; False where something may be left because of that.

        ``deal_with`` returns the name of what it did, None where there was nothing to do. What fails
        keeps back nothing else, what nobody can read is counted; only a Halt ends all.
        """

        def deal_unless_over(name: Name) -> str | None:
            return LEFT if is_over() else deal_with(name)

        while not is_over():
            names = self._next(due)
            if not names:
                return True
            results = concurrently(deal_unless_over, names, at_once=AT_ONCE)
            for name, result in zip(names, results, strict=True):
                self._note(name, result)
            if LEFT in results:
                return False
        return False

    def raise_failures(self) -> None:
        """Raise Retry where something failed, so that people hear of it; the next tick finds it due still."""
        if self._failures:
            told = "; ".join(self._failures[:FAILURES_TOLD])
            raise Retry(reason=f"{len(self._failures)} of what was due failed, first: {told}")

    def _next(self, due: Iterator[Name]) -> list[Name]:
        try:
            return list(islice(due, READ_AHEAD))
        except Verdict as error:
            self._note("the index", error)
            return []

    def _note(self, name: str | tuple[str, str], result: str | Exception | None) -> None:
        if isinstance(result, Halt):
            raise result
        if isinstance(
            result, Reject
        ):  # poison: a tick that fails each minute would hide what else goes wrong
            log.error("%s has to be mended: %s", name, result)
            self.done[UNREADABLE] += 1
        elif isinstance(result, Exception):
            self._failures.append(f"{name}: {type(result).__name__} {result}")
        elif result is not None:
            self.done[result] += 1
