"""One invocation: event in, records, outcomes, effects, reply out."""

from __future__ import annotations

import logging
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from worker_runtime import clock
from worker_runtime.effects import perform
from worker_runtime.errors import BatchFailed, ServiceRefused, UnrecognisedEvent, text_of
from worker_runtime.invocation import invoked, note_records, set_note_call, set_record, set_source
from worker_runtime.middleware import around_invocation
from worker_runtime.outcomes import (
    DONE,
    VERDICTS,
    Action,
    Deferred,
    Done,
    Failed,
    Family,
    Outcome,
    Rejected,
    Skipped,
    Unstarted,
)
from worker_runtime.pipeline import Pass, run_pass
from worker_runtime.replies import begin, verified, was_worded, word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker_runtime.effects import Sender
    from worker_runtime.invocation import LambdaContext
    from worker_runtime.loading import LoadedWorker, Route
    from worker_runtime.middleware.metrics import Metrics
    from worker_runtime.records import Record
    from worker_runtime.sources import Source

SPARE_S: Final = 3.0
SPARE_SHARE: Final = 0.1

_log = logging.getLogger("worker_runtime")


def run(worker: LoadedWorker, event: Any, *, context: LambdaContext, sender: Sender) -> Any:
    """Run a worker on one event and return its reply; what is raised makes Lambda deliver it again."""
    return composed(worker, sender=sender)(event, context)


def composed(worker: LoadedWorker, *, sender: Sender) -> Callable[[Any, LambdaContext], Any]:
    """Fold the middleware around a worker's invocations, once; what is returned runs it on events."""
    bare = partial(_invoke, worker, sender)
    invoke = around_invocation(worker.middleware, bare)
    wrapped = invoke is not bare

    def run_on(event: Any, context: LambdaContext) -> Any:
        with invoked(context):
            begin(asked=False)
            set_note_call(worker.metrics.downstream.note)
            try:
                reply = verified(invoke(event), wrapped=wrapped, asked=partial(_asked, worker, event))
            except Exception as error:
                if not (isinstance(error, BatchFailed | UnrecognisedEvent) or was_worded(error)):
                    _log.exception("the invocation failed")
                _publish(worker.metrics)
                raise
            _publish(worker.metrics)
            return reply

    return run_on


def _asked(worker: LoadedWorker, event: Any) -> tuple[Source, Sequence[Record[Any]]]:
    """Find out whose an event is, and open it once more."""
    source = worker.route(event).source
    return source, source.records(event)


def _publish(metrics: Metrics) -> None:
    if line := metrics.flush():
        print(line, flush=True)  # noqa: T201 - the embedded metric format is a line of stdout


def _invoke(worker: LoadedWorker, sender: Sender, event: Any) -> Any:
    begin(asked=True)
    started = clock.now()
    route = worker.route(event)
    set_source(route.source.kind)
    records = route.source.records(event)
    if (note := note_records()) is not None:
        note(route.source, records)
    outcomes = _outcomes(worker, route, records, sender)
    set_record(None)
    has_letters = VERDICTS[route.source.family][Rejected] is Action.DEAD_LETTER
    kinds: Mapping[type[Outcome], int] = {Done: len(outcomes)}
    if {*map(type, outcomes)} != {Done}:  # most batches are done and need nothing but a reply
        perform(route.source.effects(records, outcomes, worker=worker.id), outcomes, sender=sender)
        if has_letters:
            _take_back(outcomes)
        kinds = Counter(map(type, outcomes))
        for record, outcome in zip(records, outcomes, strict=True):
            _report_one(record, outcome, has_letters=has_letters)
    _report(worker, records, kinds, began=started, has_letters=has_letters)
    return word(route.source, records, outcomes)


def _take_back(outcomes: list[Outcome]) -> None:
    """Make a Retry of a rejection whose dead letter was not due: it comes again with what failed."""
    for at, outcome in enumerate(outcomes):
        if isinstance(outcome, Rejected) and not outcome.written:
            outcomes[at] = Failed(outcome.error)


def _outcomes(
    worker: LoadedWorker, route: Route, records: Sequence[Record[Any]], sender: Sender
) -> list[Outcome]:
    source = route.source
    if route.attempt_batch is not None:
        marked = route.attempt_batch(records)
        return [
            outcome if outcome is DONE else source.admit(record, outcome)
            for record, outcome in zip(records, marked, strict=True)
        ]
    assert route.attempt is not None  # noqa: S101 - a route has one or the other

    def settle(at: int, outcomes: list[Outcome]) -> None:
        if source.family is Family.KAFKA and source.stops:
            return  # one failure repeats all: its letter would be written again each time
        alone = [outcomes[at]]
        perform(source.effects([records[at]], alone, worker=worker.id), alone, sender=sender)
        outcomes[at] = alone[0]

    declaration = worker.declaration
    going = Pass(
        records=records,
        source=source,
        attempt=route.attempt,
        settle=settle,
        latest=clock.now() + clock.remaining_s() - min(SPARE_S, declaration.timeout_s * SPARE_SHARE),
        now=clock.current().now,
        outcomes=[DONE] * len(records),
        blocked=set(),
    )
    return run_pass(going, concurrency=declaration.concurrency)


def _report(
    worker: LoadedWorker,
    records: Sequence[Record[Any]],
    kinds: Mapping[type[Outcome], int],
    *,
    began: float,
    has_letters: bool,
) -> None:
    """Log one line for the invocation and count its records."""
    took_ms = (clock.now() - began) * 1000
    counts = {kind.__name__.lower(): number for kind, number in kinds.items()}
    _log.info("%d records", len(records), extra={"outcomes": counts, "duration_ms": round(took_ms, 3)})
    worker.metrics.count_outcomes(kinds, has_letters=has_letters)
    worker.metrics.observe_ms("BatchDurationMs", took_ms)
    if records and (oldest := records[0].sent_at) is not None:
        worker.metrics.observe_ms("RecordAgeMs", (clock.now() - oldest.timestamp()) * 1000)


def _report_one(record: Record[Any], outcome: Outcome, *, has_letters: bool) -> None:
    """Log what became of a record, unless it is simply done."""
    if isinstance(outcome, Done):
        return
    set_record(record)
    match outcome:
        case Skipped(reason=reason):
            _log.info("skipped", extra={"outcome": "skip", "reason": reason})
        case Deferred(error=error, after_s=after_s):
            _log.info("deferred", extra={"outcome": "defer", "reason": text_of(error), "after_s": after_s})
        case Rejected(code=code, error=ServiceRefused() as error) if not has_letters:  # our own
            _log.error("refused by a service", exc_info=error, extra={"outcome": "refuse", "reason": code})
        case Rejected(code=code, error=error) if not has_letters:  # the caller's mistake, and they are told
            _log.info("refused", extra={"outcome": "refuse", "reason": code, "detail": text_of(error)})
        case Rejected(code=code, error=error):
            _log.error("rejected", exc_info=error, extra={"outcome": "dlq", "reason": code})
        case Failed(error=error, halted=True):
            _log.critical("halted", exc_info=error, extra={"outcome": "retry", "reason": text_of(error)})
        case Failed(error=error):
            _log.warning("failed", exc_info=error, extra={"outcome": "retry", "reason": text_of(error)})
        case Unstarted(reason=reason):
            _log.info("not started", extra={"outcome": "retry", "reason": reason})
    set_record(None)
