"""Event-source mappings: which poller serves a declared source, and where its dead letters came from.

A new kind of source is a poller module and a case here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from worker_runtime.errors import WorkerRuntimeError
from worker_runtime.filters import compile_filters
from worker_runtime.local.dead_letters.opening import Origin
from worker_runtime.local.stage.names import local_name
from worker_runtime.local.stage.polling.event_relay import EventRelay
from worker_runtime.local.stage.polling.invocation_queues import events_of
from worker_runtime.local.stage.polling.kafka_mapping import kafka_origin, kafka_poller_of
from worker_runtime.local.stage.polling.kinesis_form import KinesisStream
from worker_runtime.local.stage.polling.kinesis_records import PAGE, KinesisRecords
from worker_runtime.local.stage.polling.on_failure import OnFailureQueue
from worker_runtime.local.stage.polling.polled_queue import PolledQueue
from worker_runtime.local.stage.polling.schedule_poller import SchedulePoller
from worker_runtime.local.stage.polling.sqs_poller import SqsPoller
from worker_runtime.local.stage.polling.stream_poller import StreamPoller
from worker_runtime.local.stage.polling.table_changes import TableChanges
from worker_runtime.local.stage.provisioning import queue_arn
from worker_runtime.local.stage.relays.forms import form_of
from worker_runtime.local.stage.relays.routes import relay_name
from worker_runtime.sources.event_bridge import EventBridge
from worker_runtime.sources.kafka import Kafka
from worker_runtime.sources.kinesis import Kinesis
from worker_runtime.sources.s3 import S3
from worker_runtime.sources.schedule import Schedule
from worker_runtime.sources.sns import Sns
from worker_runtime.sources.sqs import Sqs
from worker_runtime.sources.table_stream import TableStream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.keeping.memory import Memories
    from worker_runtime.local.stage.names import Names
    from worker_runtime.local.stage.polling.checkpoints import Checkpoints
    from worker_runtime.local.stage.polling.delivering import Delivery
    from worker_runtime.local.stage.polling.feeds import Feed
    from worker_runtime.local.stage.polling.visibility import VisibilityBook
    from worker_runtime.local.stage.threads.threads import Threads
    from worker_runtime.sources import Source
    from worker_runtime.workers import Declaration


class Poller(Protocol):
    """What brings events to one worker, from the stage's start to its end."""

    def start(self) -> Self:
        """Begin."""

    def quit(self) -> None:
        """Take nothing more; what is in flight goes on."""

    def stop(self) -> None:
        """Take nothing more and wait for the end of what is in flight."""

    def busy(self) -> bool:
        """Whether something is on its way."""


PAGE_LEAST = 1_000
"""Records of a stream that are read at once where batches are small: what is read waits in memory."""


class NotPolled(WorkerRuntimeError):
    """A source that no poller of the stage serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all mappings of a stage stand on."""

    aws: Callable[[str], Any]
    names: Names
    book: VisibilityBook
    checkpoints: Checkpoints
    memories: Memories
    clock: Clock
    threads: Threads
    kafka_servers: str
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
                threads=ground.threads,
            )
        case TableStream() | Kinesis():
            assert source.dead_letters is not None  # noqa: S101 - check() saw to it when it was declared
            feed = feed_of(source, names=ground.names, aws=ground.aws, clock=ground.clock)
            return StreamPoller(
                source,
                feed=feed,
                function_arn=function_arn,
                delivery=delivery,
                on_failure=OnFailureQueue(sqs, ground.names.named("queue", source.dead_letters)),
                checkpoints=ground.checkpoints,
                clock=ground.clock,
                threads=ground.threads,
            )
        case Schedule():
            return SchedulePoller(
                source,
                function_arn=function_arn,
                events=events_of(
                    source,
                    declaration,
                    delivery=delivery,
                    function_arn=function_arn,
                    ground=ground,
                    kept_as=source.name,
                ),
                clock=ground.clock,
                threads=ground.threads,
                memory=ground.memories.of(f"schedule {delivery.worker_id} {source.name}"),
            )
        case Kafka():
            return kafka_poller_of(source, delivery=delivery, function_arn=function_arn, ground=ground)
        case Sns() | S3() | EventBridge():
            relay = relay_name(delivery.worker_id, source)
            return EventRelay(
                ground.names.named("relay", relay),
                form=form_of(source, relay=relay, names=ground.names, clock=ground.clock),
                delivery=delivery,
                events=events_of(
                    source, declaration, delivery=delivery, function_arn=function_arn, ground=ground
                ),
                sqs=sqs,
                book=ground.book,
                threads=ground.threads,
            )
    raise NotPolled(f"{delivery.worker_id}: the stage has no poller for {source.kind}; leave the worker out.")


def feed_of(source: TableStream | Kinesis, *, names: Names, aws: Callable[[str], Any], clock: Clock) -> Feed:
    """Open the stream of a source; where a table has none of its own, the one that carries its changes."""
    stream = source.stream if isinstance(source, Kinesis) else source.kinesis
    carrier = None if stream is None else _kinesis_stream(names.named("stream", stream))
    table_arn = names.named("stream", source.table) if isinstance(source, TableStream) else ""
    if carrier is not None and not table_arn:
        page = min(max(PAGE_LEAST, source.batch_size * source.parallelization), PAGE)
        return KinesisRecords(aws("kinesis"), stream=carrier, clock=clock, page=page)
    return TableChanges(aws("dynamodbstreams"), stream_arn=table_arn, clock=clock, carrier=carrier)


def _kinesis_stream(arn: str) -> KinesisStream:
    role = f"arn:aws:iam::{arn.split(':')[4]}:role/{local_name('worker')}"
    return KinesisStream(stream_arn=arn, role_arn=role)


def origins_of(  # noqa: PLR0913 - the letters, whose, and what their sources are reached by
    dead_letters: str,
    *,
    declarations: Mapping[str, Declaration],
    names: Names,
    aws: Callable[[str], Any],
    clock: Clock,
    kafka_servers: str = "",
) -> list[Origin]:
    """List the sources whose dead letters go to a queue (logical name)."""
    return [
        kafka_origin(worker_id, source, names=names, servers=kafka_servers, clock=clock)
        if isinstance(source, Kafka)
        else _origin(worker_id, source, names=names, aws=aws, clock=clock)
        for worker_id, declaration in declarations.items()
        for source in declaration.sources
        if getattr(source, "dead_letters", None) == dead_letters
    ]


def _origin(
    worker_id: str, source: Source, *, names: Names, aws: Callable[[str], Any], clock: Clock
) -> Origin:
    spill = getattr(source, "spill_bucket", None)
    bucket = names.named("bucket", spill) if spill else None
    match source:
        case Sqs():
            return Origin(
                worker_id=worker_id, queue_url=names.named("queue", source.queue), spill_bucket=bucket
            )
        case TableStream() | Kinesis():
            return Origin(
                worker_id=worker_id,
                feed=feed_of(source, names=names, aws=aws, clock=clock),
                filters=compile_filters(source.mapping_filters, data_key=source.data_key),
                spill_bucket=bucket,
            )
    return Origin(worker_id=worker_id, spill_bucket=bucket)
