"""The runtime's own middleware: what the environment and the declaration ask for, and nothing else.

Each stands in modules of its own, which nobody imports who does not ask for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime.errors import SettingsError
from worker_runtime.outcomes import answers

if TYPE_CHECKING:
    from worker_runtime.catalogue import Entry
    from worker_runtime.middleware import Middleware
    from worker_runtime.middleware.metrics import Metrics
    from worker_runtime.settings import Environment
    from worker_runtime.workers import Worker


def tracing(
    declared: Worker[..., Any], worker_id: str, entry: Entry, *, metrics: Metrics, environment: Environment
) -> tuple[Middleware, ...]:
    """Return what traces a worker, outermost, where the environment names a collector."""
    endpoint = environment.traces_endpoint
    if endpoint is None:
        return ()
    try:
        from worker_runtime.middleware.tracing import traced  # noqa: PLC0415 - only who traces pays
    except ImportError as error:
        cure = "install worker-runtime[otel], or name no collector in OTEL_EXPORTER_OTLP_ENDPOINT."
        raise SettingsError(f"{worker_id} cannot be traced: {error}; {cure}") from error
    return (
        traced(
            environment,
            endpoint,
            worker=worker_id,
            sources=declared.declaration.sources,
            metrics=metrics,
            service=(entry.distribution, entry.version),
        ),
    )


def idempotency(
    declared: Worker[..., Any], worker_id: str, *, environment: Environment
) -> tuple[Middleware, ...]:
    """Return what does the work of a key once, innermost, where the worker declares it."""
    declaration = declared.declaration
    if declaration.idempotency is None:
        return ()
    try:
        from worker_runtime.ledger import ledger_of  # noqa: PLC0415 - only who declares it pays
    except ImportError as error:
        cure = "install worker-runtime[powertools], with [aws] or [redis]."
        raise SettingsError(f"{worker_id} cannot keep what was done: {error}; {cure}") from error
    from worker_runtime.middleware.idempotency import once  # noqa: PLC0415 - as above
    from worker_runtime.workers import returned_by  # noqa: PLC0415 - as above

    ledger = ledger_of(declaration.idempotency, worker=worker_id, environment=environment)
    answering = frozenset(source.kind for source in declaration.sources if answers(source.family))
    return (once(ledger, returns=returned_by(declared.function), answering=answering),)
