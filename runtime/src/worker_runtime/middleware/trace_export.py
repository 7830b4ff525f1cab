"""Spans out: kept until an invocation ends, then sent to the collector before its reply leaves.

No collector may fail or hold up an invocation: it is waited for half a second, unless the environment
says otherwise, and once it did not answer it is left alone for a while. What could not be sent, or
written, is lost and counted.
"""

from __future__ import annotations

import logging
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Final

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from worker_runtime import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Tracer

    from worker_runtime.settings import Environment

    Export = Callable[[list[ReadableSpan]], SpanExportResult]

FLUSH_S: Final = 0.5  # what a reply waits for a collector at most, in the machine's time
FLUSH_VARIABLE: Final = "OTEL_BSP_EXPORT_TIMEOUT"  # the same in milliseconds, as the SDK has it
RESERVE_S: Final = 0.25  # of the invocation, kept for its reply
REST_S: Final = 30.0  # how long a collector that did not answer is left alone
SPANS_MAX: Final = 2_048  # OTEL_BSP_MAX_QUEUE_SIZE
SDK_LOGGER: Final = "opentelemetry.exporter.otlp.proto.http.trace_exporter"

_log = logging.getLogger(__name__)


class Spans(SpanProcessor):
    """Keeps the spans that ended until ``flush``; may be shared by threads."""

    def __init__(self, export: Export, *, flush_s: float = FLUSH_S) -> None:
        self._export = export
        self._flush_s = flush_s
        self._lock = threading.Lock()
        self._ended: list[ReadableSpan] = []
        self._dropped = 0
        self._rests_until = 0.0

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a span that is sampled, while there is room."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        with self._lock:
            if len(self._ended) < SPANS_MAX:
                self._ended.append(span)
            else:
                self._dropped += 1

    def flush(self) -> int:
        """Send what has ended and return how many spans are lost."""
        with self._lock:
            ended, self._ended = self._ended, []
            lost, self._dropped = self._dropped, 0
        wait_s = min(self._flush_s, clock.machine_s(clock.remaining_s()) - RESERVE_S)
        if wait_s > 0 and clock.now() >= self._rests_until:
            return lost + self._sent(ended, wait_s)
        return lost + len(ended)

    def _sent(self, ended: list[ReadableSpan], wait_s: float) -> int:
        """Send spans and return how many are lost: what cannot be written is no fault of the collector's."""
        if not ended or (result := self._exported(ended, wait_s)) is SpanExportResult.SUCCESS:
            return 0
        sound = ended if result is None else [span for span in ended if _is_writable(span)]
        if broken := len(ended) - len(sound):
            _log.warning("%d spans cannot be written; what is noted there is no text", broken)
            return broken + self._sent(sound, wait_s)
        self._rests_until = clock.now() + REST_S
        _log.warning("the collector did not take %d spans; it is left alone for %g s", len(ended), REST_S)
        return len(ended)

    def _exported(self, ended: list[ReadableSpan], wait_s: float) -> SpanExportResult | None:
        """Export in a thread, which may hang in a name's resolution or a slow answer: then it is None."""
        results: list[SpanExportResult] = []
        sending = threading.Thread(
            target=copy_context().run, args=(lambda: results.append(self._export(ended)),), daemon=True
        )
        sending.start()
        sending.join(wait_s)
        return next(iter(results), None)


def _is_writable(span: ReadableSpan) -> bool:
    """Whether a span can be told in the collector's form; a worker may note what cannot."""
    try:
        encode_spans([span]).SerializePartialToString()
    except Exception:  # noqa: BLE001 - as the exporter itself
        return False
    return True


def tracer(environment: Environment, endpoint: str, *, attributes: Mapping[str, str]) -> tuple[Tracer, Spans]:
    """Return what makes spans and what sends them; the SDK reads the rest of OTEL_* from the environment."""
    logging.getLogger(SDK_LOGGER).addFilter(_as_warning)
    flush_s = _flush_s(environment.variables.get(FLUSH_VARIABLE, ""))
    spans = Spans(OTLPSpanExporter(endpoint=endpoint, timeout=flush_s).export, flush_s=flush_s)
    provider = TracerProvider(
        resource=Resource.create({**_resource(environment), **attributes}), shutdown_on_exit=False
    )
    provider.add_span_processor(spans)
    return provider.get_tracer("worker_runtime"), spans


def _flush_s(said: str) -> float:
    """Read how long a reply may wait; what is no number of milliseconds is told and passed over."""
    if not said or said.isdecimal():
        return int(said) / 1000 if said else FLUSH_S
    _log.warning("%s is %r, and no number of milliseconds; %g s are taken", FLUSH_VARIABLE, said, FLUSH_S)
    return FLUSH_S


def _resource(environment: Environment) -> dict[str, str | int]:
    """Say which function this is: resource attributes of the semantic conventions, ``faas`` and ``cloud``."""
    said = environment.variables.get
    memory_mb = said("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    named: dict[str, str | int] = {
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.region": environment.region,
        "deployment.environment.name": environment.environment_tag or environment.config_env,
        "faas.name": said("AWS_LAMBDA_FUNCTION_NAME", ""),
        "faas.version": said("AWS_LAMBDA_FUNCTION_VERSION", ""),
        "faas.instance": said("AWS_LAMBDA_LOG_STREAM_NAME", ""),
        "faas.max_memory": int(memory_mb) * 1024 * 1024 if memory_mb.isdecimal() else "",
    }
    return {name: value for name, value in named.items() if value != ""}


def _as_warning(record: logging.LogRecord) -> bool:
    """Let the SDK say why a collector was not reached, without an alarm."""
    if record.levelno > logging.WARNING:
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
    return True
