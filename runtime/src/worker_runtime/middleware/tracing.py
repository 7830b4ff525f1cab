"""A span for every invocation, linked to whoever sent its records; where it is asked for one a record.

The runtime's own middleware, outermost, where the function's environment names a collector; without
one nobody imports this module.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as contexts
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, NonRecordingSpan, SpanKind, get_current_span, set_span_in_context

from worker_runtime import clock
from worker_runtime.invocation import XRAY_VARIABLE, Trace, current_trace, set_note_records, set_trace
from worker_runtime.middleware import Middleware
from worker_runtime.middleware.trace_attributes import (
    answer,
    blame,
    kind_of,
    of_batch,
    of_invocation,
    of_record,
    settle,
)
from worker_runtime.middleware.trace_export import tracer
from worker_runtime.middleware.trace_links import LINKS_MAX, from_xray, producers
from worker_runtime.routing import route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.trace import Span, SpanContext, Tracer

    from worker_runtime.middleware import Attempt, Invoke
    from worker_runtime.middleware.metrics import Metrics
    from worker_runtime.middleware.trace_export import Spans
    from worker_runtime.outcomes import Outcome
    from worker_runtime.records import Record
    from worker_runtime.settings import Environment
    from worker_runtime.sources import Source

RECORDS_VARIABLE: Final = "WORKER_TRACE_RECORDS"
SERVICE_VARIABLE: Final = "OTEL_SERVICE_NAME"

_SOURCE: Final = contexts.create_key("source")


def traced(  # noqa: PLR0913 - whose spans, what they are called, and where they go
    environment: Environment,
    endpoint: str,
    *,
    worker: str,
    sources: Sequence[Source],
    metrics: Metrics,
    service: tuple[str, str],
) -> Middleware:
    """Return the middleware that traces a worker to the collector at ``endpoint``.

    ``service`` is the distribution and its version, by which spans go unless OTEL_SERVICE_NAME is set.
    WORKER_TRACE_RECORDS=1 adds a span a record. Spans that were lost are counted as ``SpansLost``.
    """
    name, version = service
    said = environment.variables
    named = {"service.name": said.get(SERVICE_VARIABLE) or name, "service.version": version}
    spans, sent = tracer(environment, endpoint, attributes=named)
    made = Traced(spans, sent, worker=worker, sources=sources, metrics=metrics, variables=said)
    each = said.get(RECORDS_VARIABLE, "").lower() in ("1", "true")
    return Middleware("tracing", made.around_invocation, made.around_record if each else None)


class Traced:
    """Makes the spans of one worker."""

    def __init__(  # noqa: PLR0913 - what a span says and where it goes
        self,
        tracer: Tracer,
        spans: Spans,
        *,
        worker: str,
        sources: Sequence[Source],
        metrics: Metrics,
        variables: Mapping[str, str],
    ) -> None:
        self._tracer = tracer
        self._spans = spans
        self._worker = worker
        self._sources = sources
        self._metrics = metrics
        self._variables = variables
        self._cold = True

    def around_invocation(self, call_next: Invoke) -> Invoke:
        """Wrap invocations, from the event to its reply, and send the spans before that leaves."""

        def traced(event: Any) -> Any:
            source = self._source_of(event)
            span = self._started(source, event)
            token = contexts.attach(contexts.set_value(_SOURCE, source, set_span_in_context(span)))
            set_trace(_at_hand)
            set_note_records(partial(_note, span))
            try:
                reply = call_next(event)
                answer(span, reply, kind=kind_of(source))
            except Exception as error:
                blame(span, error)
                raise
            else:
                return reply
            finally:
                self._end(span, token)

        return traced

    def around_record(self, call_next: Attempt) -> Attempt:
        """Wrap each record, from its raw body to its outcome."""

        def traced(record: Record[Any]) -> Outcome:
            source: Any = contexts.get_value(_SOURCE)
            span = self._tracer.start_span(
                self._worker if source is None else f"process {source.name}",
                kind=SpanKind.INTERNAL if kind_of(source) is SpanKind.SERVER else SpanKind.CONSUMER,
                attributes=of_record(source, record),
                links=[Link(sender) for sender in producers([record])],
                start_time=_now_ns(),
            )
            token = contexts.attach(set_span_in_context(span))
            try:
                outcome = call_next(record)
                settle(span, outcome)
            except Exception as error:
                blame(span, error)
                raise
            else:
                return outcome
            finally:
                contexts.detach(token)
                span.end(_now_ns())

        return traced

    def _started(self, source: Source | None, event: Any) -> Span:
        """Start a span, below the caller that waits for it; senders of records are linked to once opened."""
        kind = kind_of(source)
        callers = _callers(source, event) if source is not None and kind is SpanKind.SERVER else []
        own = from_xray(self._variables.get(XRAY_VARIABLE, ""))  # Lambda's own segment
        linked = [each for each in (*callers[1:], own) if each is not None and each not in callers[:1]]
        cold, self._cold = self._cold, False
        return self._tracer.start_span(
            self._worker,
            context=_below(next(iter(callers), None)),
            kind=kind,
            attributes=of_invocation(source, cold=cold),
            links=[Link(each) for each in linked[:LINKS_MAX]],
            start_time=_now_ns(),
        )

    def _source_of(self, event: Any) -> Source | None:
        """Find whose event it is, as the runtime will; what is wrong with it is for the runtime to say."""
        try:
            return route(self._sources, event, worker=self._worker)
        except Exception:  # noqa: BLE001 - as above
            return None

    def _end(self, span: Span, token: Any) -> None:
        """End an invocation's span and send what there is; log lines to come still name it."""
        own = current_trace()
        contexts.detach(token)
        set_trace(lambda: own)
        span.end(_now_ns())
        if lost := self._spans.flush():
            self._metrics.count("SpansLost", lost)


def _callers(source: Source, event: Any) -> list[SpanContext]:
    """Read who asks, of a request and of each in a list of them: the span has to begin below the first."""
    try:
        return producers(source.records(event))
    except Exception:  # noqa: BLE001 - what is wrong with it is for the runtime to say
        return []


def _note(span: Span, source: Source, records: Sequence[Record[Any]]) -> None:
    """Say of a span what the runtime has opened: how many records of what, and who sent them."""
    if kind_of(source) is SpanKind.SERVER or not span.is_recording():
        return
    with suppress(Exception):  # a record that cannot be read fails as itself, not here
        span.set_attributes(of_batch(source, records))
        linked = len(span.links) if isinstance(span, ReadableSpan) else 0
        for sender in producers(records)[: LINKS_MAX - linked]:
            span.add_link(sender)


def _below(parent: SpanContext | None) -> contexts.Context:
    """Return a context of its own: whatever ran in this thread before is nobody's parent."""
    empty = contexts.Context()
    return empty if parent is None else set_span_in_context(NonRecordingSpan(parent), empty)


def _at_hand() -> Trace | None:
    """Read the span at hand, a plugin's own among them."""
    own = get_current_span().get_span_context()
    if not own.is_valid:
        return None
    return Trace(f"{own.trace_id:032x}", f"{own.span_id:016x}", f"{own.trace_flags:02x}")


def _now_ns() -> int:
    return int(clock.now() * 1e9)
