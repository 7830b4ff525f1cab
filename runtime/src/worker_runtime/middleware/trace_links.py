"""Who sent the records: a trace context from each one's headers, for the invocation's span to link to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import SpanContext, TraceFlags, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from worker_runtime.middleware.correlation import TRACEPARENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker_runtime.records import Record

LINKS_MAX: Final = 128  # OTEL_SPAN_LINK_COUNT_LIMIT: what a span keeps unless it is told otherwise
XRAY: Final = "x-amzn-trace-id"

_extract: Final = TraceContextTextMapPropagator().extract
_ROOT: Final = re.compile(r"(?:^|;)\s*Root=1-([0-9a-f]{8})-([0-9a-f]{24})(?:;|$)", re.IGNORECASE)
_PARENT: Final = re.compile(r"(?:^|;)\s*Parent=([0-9a-f]{16})(?:;|$)", re.IGNORECASE)
_SAMPLED: Final = re.compile(r"(?:^|;)\s*Sampled=1(?:;|$)", re.IGNORECASE)


def producers(records: Iterable[Record[Any]]) -> list[SpanContext]:
    """Return who sent these records, each sender once, no more than a span keeps."""
    known: dict[tuple[str, ...], None] = {}
    found: dict[tuple[int, int], SpanContext] = {}
    for record in records:
        said = _said(record)
        if not said or said in known:
            continue
        known[said] = None
        if sender := _context(*said):
            found.setdefault((sender.trace_id, sender.span_id), sender)
        if len(found) == LINKS_MAX:
            break
    return list(found.values())


def from_xray(header: str) -> SpanContext | None:
    """Convert X-Ray's header (``Root=1-…;Parent=…;Sampled=1``); None where nobody kept what it names.

    AWS writes the header whether it traces or not: unsampled it must neither be linked to, nor keep a
    span that it would be the parent of from being sampled.
    """
    root, parent = _ROOT.search(header), _PARENT.search(header)
    if root is None or parent is None or not _SAMPLED.search(header):
        return None
    trace_id, span_id = int("".join(root.groups()), 16), int(parent[1], 16)
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return context if context.is_valid else None


def _said(record: Record[Any]) -> tuple[str, ...]:
    """Read traceparent, tracestate and X-Ray's header of a record; empty where it has none of them."""
    try:
        attributes: Mapping[str, str] = {name.lower(): text for name, text in record.attributes.items()}
        xray = record.trace_header or attributes.get(XRAY)
    except Exception:  # noqa: BLE001 - a poison record is a matter of its own outcome
        return ()
    said = attributes.get(TRACEPARENT), attributes.get("tracestate"), xray
    return tuple(text if isinstance(text, str) else "" for text in said) if any(said) else ()


def _context(parent: str, state: str, xray: str) -> SpanContext | None:
    carrier = {TRACEPARENT: parent, "tracestate": state}
    context = get_current_span(_extract(carrier)).get_span_context()
    return context if context.is_valid else from_xray(xray)
