"""Event-source mappings: which poller serves a declared source, and where its dead letters came from.

A new kind of source is a poller module and a case here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker_runtime.errors import WorkerRuntimeError
from worker_runtime.local.dead_letters.redriving import Origin
from worker_runtime.local.stage.names import local_name
from worker_runtime.local.stage.polling.change_records import Carrier
from worker_runtime.local.stage.polling.sqs_poller import PolledQueue, SqsPoller
from worker_runtime.local.stage.polling.table_stream_poller import (
    PolledStream,
    TableStreamPoller,
    stream_filters,
)
from worker_runtime.local.stage.provisioning import queue_arn
from worker_runtime.sources.sqs import Sqs
from worker_runtime.sources.table_stream import TableStream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.names import Names
    from worker_runtime.local.stage.polling.checkpoints import Checkpoints
    from worker_runtime.local.stage.polling.delivering import Delivery
    from worker_runtime.local.stage.polling.visibility import VisibilityBook
    from worker_runtime.sources import Source
    from worker_runtime.workers import Declaration

Poller = SqsPoller | TableStreamPoller


class NotPolled(WorkerRuntimeError):
    """A source that no poller of the stage serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all mappings of a stage stand on."""

    aws: Callable[[str], Any]
    names: Names
    book: VisibilityBook
    checkpoints: Checkpoints
    clock: Clock
    concurrent_batches: int


def poller_of(
    source: Source, declaration: Declaration, *, delivery: Delivery, function_arn: str, ground: Ground
) -> Poller:
    """Make the poller that hands a source's records to a worker."""
    sqs = ground.aws("sqs")
    match source:
        case Sqs():
            url = ground.names.named("queue", source.queue)
            visibility_s = source.visibility_for(declaration.timeout_s)
            return SqsPoller(
                source,
                queue=PolledQueue(url=url, arn=queue_arn(sqs, url), visibility_s=visibility_s),
                delivery=delivery,
                sqs=sqs,
                book=ground.book,
                clock=ground.clock,
                concurrent_batches=ground.concurrent_batches,
            )
        case TableStream():
            assert source.dead_letters is not None  # noqa: S101 - check() saw to it when it was declared
            return TableStreamPoller(
                source,
                stream=PolledStream(
                    arn=ground.names.named("stream", source.table),
                    function_arn=function_arn,
                    dead_letters_url=ground.names.named("queue", source.dead_letters),
                    carrier=carrier_of(source, names=ground.names),
                ),
                delivery=delivery,
                streams=ground.aws("dynamodbstreams"),
                sqs=sqs,
                checkpoints=ground.checkpoints,
                clock=ground.clock,
            )
    raise NotPolled(f"{delivery.worker_id}: the stage has no poller for {source.kind}; leave the worker out.")


def carrier_of(source: TableStream, *, names: Names) -> Carrier | None:
    """Name the Kinesis stream that carries a table's changes, if one does."""
    if source.kinesis is None:
        return None
    arn = names.named("stream", source.kinesis)
    role = f"arn:aws:iam::{arn.split(':')[4]}:role/{local_name('worker')}"
    return Carrier(stream_arn=arn, role_arn=role)


def origins_of(dead_letters: str, *, declarations: Mapping[str, Declaration], names: Names) -> list[Origin]:
    """List the sources whose dead letters go to a queue (logical name)."""
    return [
        _origin(worker_id, source, names)
        for worker_id, declaration in declarations.items()
        for source in declaration.sources
        if getattr(source, "dead_letters", None) == dead_letters
    ]


def _origin(worker_id: str, source: Source, names: Names) -> Origin:
    spill = getattr(source, "spill_bucket", None)
    bucket = names.named("bucket", spill) if spill else None
    match source:
        case Sqs():
            return Origin(
                worker_id=worker_id, queue_url=names.named("queue", source.queue), spill_bucket=bucket
            )
        case TableStream():
            carrier = carrier_of(source, names=names)
            return Origin(
                worker_id=worker_id,
                stream_arn=names.named("stream", source.table),
                carrier=carrier,
                filters=stream_filters(source, carried=carrier is not None),
                spill_bucket=bucket,
            )
    return Origin(worker_id=worker_id, spill_bucket=bucket)
