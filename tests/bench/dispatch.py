"""What is left where nothing is decoded: the runtime whole, and the pipeline's loop alone."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

import ours
import powertools as pt
from rounds import Case
from sample_events import sqs_text
from table import Goal

from worker_runtime import clock
from worker_runtime.outcomes import DONE, Outcome
from worker_runtime.pipeline import Pass, run_pass
from worker_runtime.sources.sqs import Sqs

if TYPE_CHECKING:
    from collections.abc import Callable

    from rounds import Candidate

    from worker_runtime.records import Record

LOOPS = 20  # the loops alone are short: take them twenty times


def cases() -> list[Case]:
    """List both, each beside what does the same."""
    event = sqs_text(1000)
    return [
        Case(
            "dispatch, 1,000 messages, nothing decoded",
            event,
            ours.running(ours.take_text),
            {"Powertools, noop": pt.with_data_classes("sqs", pt.read_nothing)},
            Goal(1, at_least=False),
        ),
        Case(
            f"the loop alone, {LOOPS} x 1,000, but for reading the clock",
            event,
            loop_alone(now=repeat(0.0).__next__),
            {"bare call-in-try loop": bare_loop()},
            Goal(4, at_least=False),
        ),
        Case(
            f"the loop alone, {LOOPS} x 1,000",
            event,
            loop_alone(now=clock.current().now),
            {"bare call-in-try loop": bare_loop(), "reading the clock": reading_the_clock()},
            Goal(4, at_least=False),
            steady=False,  # a virtual machine may take as long to say the time as for all else
        ),
    ]


def _do_nothing(_record: Record[Any]) -> Outcome:
    return DONE


def loop_alone(*, now: Callable[[], float]) -> Candidate:
    """Take records as ``runtime`` does: deadline, record at hand, lanes, outcomes; no decoding, no worker."""
    source = Sqs("orders")

    def take(event: Any) -> None:
        records = source.records(event)
        for _ in range(LOOPS):
            going = Pass(
                records=records,
                source=source,
                attempt=_do_nothing,
                settle=lambda _at, _outcomes: None,
                latest=clock.now() + 60,
                now=now,
                outcomes=[DONE] * len(records),
                blocked=set(),
            )
            run_pass(going, concurrency=1)

    return take


def reading_the_clock() -> Candidate:
    """Ask the time once for each record."""

    def take(event: Any) -> None:
        now = clock.current().now
        for _ in range(LOOPS):
            for _record in event["Records"]:
                now()

    return take


def bare_loop() -> Candidate:
    """Call a function with each record and keep what it raises."""

    def take(event: Any) -> None:
        for _ in range(LOOPS):
            failed = []
            for record in event["Records"]:
                try:
                    _do_nothing(record)
                except Exception as error:
                    failed.append(error)

    return take
