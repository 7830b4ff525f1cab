"""Schedules: what is due never or too often, and settings that come to nothing together."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from worker_runtime.local.doctor.findings import Finding, warning
from worker_runtime.local.stage.polling.due_times import due_after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.sources.schedule import Schedule
    from worker_runtime.workers import Declaration

TICKS: Final = 5  # how many are looked at: a cron's may be close together on some days
RETRIED_AFTER_S: Final = {1: 60, 2: 180}  # how old an event is at least when it is retried the last time


def examine_schedule(
    who: str, source: Schedule, declaration: Declaration, *, now: float
) -> Iterator[Finding]:
    """Warn of what a schedule declares and AWS takes, and that its author may not expect."""
    due = _due_times(source, now=now)
    if not due:
        yield warning(
            who,
            "it is never due again: no tick will ever start the worker.",
            cure="say another expression, or remove the worker.",
        )
    between_s = min((later - at for at, later in pairwise(due)), default=None)
    timeout_s = declaration.timeout_s
    if between_s is not None and timeout_s > between_s and declaration.reserved_concurrency != 1:
        yield warning(
            who,
            f"an invocation may last {timeout_s} s and the next tick comes after {between_s:g} s: Lambda then"
            " starts a second one beside it.",
            cure="say reserved_concurrency=1, or a timeout_s shorter than the interval; leave it as it is"
            " where two at once do no harm (leases, conditional writes).",
        )
    needed_s = RETRIED_AFTER_S.get(source.retries, 0)
    if source.retries and source.max_age_s <= needed_s:
        yield warning(
            who,
            f"retries={source.retries} does not come to pass: Lambda makes the last one when a tick is"
            f" {needed_s} s old and more, and gives up what is older than max_age_s={source.max_age_s}.",
            cure=f"say max_age_s={needed_s + declaration.timeout_s} or more, or fewer retries.",
        )


def _due_times(source: Schedule, *, now: float) -> list[float]:
    due: list[float] = []
    while len(due) < TICKS and (at := due_after(source, due[-1] if due else now, since=now)) is not None:
        due.append(at)
    return due
