"""Lambda's queue of a function's asynchronous invocations, as its declaration sets it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.local.stage.polling.async_events import AsyncEvents
from worker_runtime.local.stage.polling.on_failure import OnFailureQueue
from worker_runtime.sources.asynchronous import AsyncSource
from worker_runtime.sources.schedule import Schedule

if TYPE_CHECKING:
    from worker_runtime.local.stage.polling.delivering import Delivery
    from worker_runtime.local.stage.polling.mappings import Ground
    from worker_runtime.workers import Declaration


TICKS_AT_ONCE = 2
"""Ticks of one schedule in flight: they may overlap, and an invocation lasts long on a fast stage."""


def events_of(  # noqa: PLR0913 - of what, for whom, where
    source: AsyncSource,
    declaration: Declaration,
    *,
    delivery: Delivery,
    function_arn: str,
    ground: Ground,
    kept_as: str | None = None,
) -> AsyncEvents:
    """Make the queue for what a source brings; ``kept_as`` names it in the stage's memory."""
    most = ground.concurrent_batches
    if isinstance(source, Schedule):
        most = min(most, TICKS_AT_ONCE)
    on_failure = None
    if source.dead_letters is not None:
        on_failure = OnFailureQueue(ground.aws("sqs"), ground.names.named("queue", source.dead_letters))
    return AsyncEvents(
        source,
        function_arn=function_arn,
        delivery=delivery,
        on_failure=on_failure,
        clock=ground.clock,
        at_once=min(most, declaration.reserved_concurrency or most),
        threads=ground.threads,
        memory=None if kept_as is None else ground.memories.of(f"events {delivery.worker_id} {kept_as}"),
    )


def by_name(declaration: Declaration) -> AsyncSource:
    """Tell how Lambda sees through what is put into the queue by the function's name.

    It has one setting a function; where no source says another it tries twice more, for up to six hours.
    """
    return next((source for source in declaration.sources if isinstance(source, AsyncSource)), AsyncSource())
