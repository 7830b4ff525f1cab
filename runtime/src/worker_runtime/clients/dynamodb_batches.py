"""Batch calls to DynamoDB: cut to size, and made again for what was left unprocessed."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, Any, Final

from worker_runtime import clock
from worker_runtime.clients.aws_verdicts import is_throttle
from worker_runtime.errors import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Requests = list[dict[str, Any]]  # encoded keys or puts of a batch call

PUTS_A_CALL: Final = 25  # BatchWriteItem's limit
GETS_A_CALL: Final = 100  # BatchGetItem's limit
TRIES: Final = 8
FIRST_WAIT_S: Final = 0.05
LONGEST_WAIT_S: Final = 3.2

log = logging.getLogger(__name__)


def drained(
    pending: Requests,
    *,
    table: str,
    call: Callable[[Requests], Requests],
    again: Callable[[int], None] | None = None,
) -> Requests:
    """Call, with growing waits, until it leaves nothing; return what is left after eight tries.

    ``again`` is told how many requests each further try repeats. What may have happened, as after a
    time-out, is not tried again and is among what is left.
    """
    waits_s = _waits_s()
    while pending:
        try:
            pending = call(pending)
        except Retry as verdict:
            if not is_throttle(verdict.__cause__):
                log.warning("%s: %d requests are left undone: %s", table, len(pending), verdict)
                break
        wait_s = next(waits_s, None)
        if not pending or wait_s is None or wait_s > clock.remaining_s():
            break
        if again:
            again(len(pending))
        clock.sleep(wait_s)
    return pending


def _waits_s() -> Iterator[float]:
    """Yield the waits between eight tries: full jitter under 50 ms, doubling to 3.2 s."""
    for doubled in range(TRIES - 1):
        yield random.uniform(0, min(FIRST_WAIT_S * 2**doubled, LONGEST_WAIT_S))
