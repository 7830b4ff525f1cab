"""The queues and streams that can be recorded: found at an endpoint, by name or by who is polled for them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from worker_runtime.catalogue import installed
from worker_runtime.clock import RealClock, parse
from worker_runtime.errors import SettingsError
from worker_runtime.local.real_names import RealNames
from worker_runtime.local.recording.queue_tap import QueueTap
from worker_runtime.local.recording.stream_tap import StreamTap
from worker_runtime.local.stage.names import local_name
from worker_runtime.local.stage.polling.kinesis_form import KinesisStream
from worker_runtime.local.stage.polling.kinesis_records import KinesisRecords
from worker_runtime.local.stage.polling.mappings import feed_of
from worker_runtime.local.stage.polling.table_changes import TableChanges
from worker_runtime.local.stage.staged_workers import declarations
from worker_runtime.sources.kinesis import Kinesis
from worker_runtime.sources.sqs import Sqs
from worker_runtime.sources.table_stream import TableStream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from worker_runtime.clock import Clock
    from worker_runtime.local.endpoint import Endpoint
    from worker_runtime.local.recording.lines import Origin
    from worker_runtime.local.recording.until import Until
    from worker_runtime.local.stage.polling.feeds import Feed
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.sources import Source

Tappable = Sqs | Kinesis | TableStream


class Tap(Protocol):
    """One queue or stream."""

    def batches(self, until: Until) -> Generator[list[StagedRecord], None, None]:
        """Yield batch after batch; an empty one is a pause."""


@dataclass(frozen=True, slots=True)
class Tapped:
    """A tap, and the worker that would be handed what comes from it, where that is known."""

    tap: Tap
    worker: str | None

    @property
    def origin(self) -> Origin:
        """What kind of a place it is."""
        return "queue" if isinstance(self.tap, QueueTap) else "stream"


class Taps:
    """Finds queues and streams at an endpoint: by their own names, and by what installed workers declare."""

    def __init__(self, aws: Endpoint) -> None:
        self._aws = aws
        self._names = RealNames(os.environ, aws=aws)
        said = os.environ.get("WORKER_CLOCK")
        self.clock: Clock = parse(said) if said else RealClock()

    def of_worker(self, worker_id: str) -> list[Tapped]:
        """Find what a worker is polled for; SettingsError where that is no queue or stream."""
        declaration = declarations(installed(), stack=None).get(worker_id)
        sources = () if declaration is None else declaration.sources
        found = [self._of_source(each, worker_id) for each in sources if isinstance(each, Tappable)]
        if not found:
            raise SettingsError(
                f"{worker_id} reads no queue and no stream, and nothing else can be recorded."
            )
        return found

    def of_queue(self, queue: str) -> Tapped:
        """Find a queue by its logical or real name or its URL."""
        worker, source = _only_reader(lambda each: isinstance(each, Sqs) and each.queue == queue)
        if isinstance(source, Sqs):
            return self._of_source(source, worker)
        return Tapped(
            QueueTap(self._aws("sqs"), self._names.queue_url(queue), source=None, clock=self.clock), None
        )

    def of_stream(self, stream: str) -> Tapped:
        """Find a stream by its ARN, its logical or real name, or its table's."""
        worker, source = _only_reader(lambda each: _reads(each, stream))
        if isinstance(source, Kinesis | TableStream):
            return self._of_source(source, worker)
        by_arn = stream.startswith("arn:")
        arn = stream if by_arn else self._names.stream_arn(stream, carried=_tables_carried_by(stream))
        return Tapped(StreamTap(self._feed(arn), source=None, clock=self.clock), None)

    def _of_source(self, source: Tappable, worker: str | None) -> Tapped:
        if isinstance(source, Sqs):
            url = self._names.queue_url(source.queue)
            return Tapped(QueueTap(self._aws("sqs"), url, source=source, clock=self.clock), worker)
        feed = feed_of(source, names=self._names.of([source]), aws=self._aws, clock=self.clock)
        return Tapped(StreamTap(feed, source=source, clock=self.clock), worker)

    def _feed(self, arn: str) -> Feed:
        match arn.split(":", 5):
            case [_, _, "dynamodb", *_]:
                return TableChanges(self._aws("dynamodbstreams"), stream_arn=arn, clock=self.clock)
            case [_, _, "kinesis", _, account, _]:
                role = f"arn:aws:iam::{account}:role/{local_name('worker')}"
                stream = KinesisStream(stream_arn=arn, role_arn=role)
                return KinesisRecords(self._aws("kinesis"), stream=stream, clock=self.clock)
        raise SettingsError(f"{arn} is the ARN of no stream; give one of Kinesis, or of a table's stream.")


def polled_queues() -> list[str]:
    """Name the queues that installed workers are polled for, and those of their dead letters."""
    polled = {source.queue for _, source in _sources() if isinstance(source, Sqs)}
    letters = {getattr(source, "dead_letters", None) for _, source in _sources()}
    return sorted(polled | {queue for queue in letters if queue})


def polled_streams() -> list[str]:
    """Name the streams that installed workers are polled for, and the tables whose changes are."""
    streams = {source.stream for _, source in _sources() if isinstance(source, Kinesis)}
    return sorted(streams | {source.table for _, source in _sources() if isinstance(source, TableStream)})


def _sources() -> list[tuple[str, Source]]:
    declared = declarations(installed(), stack=None).items()
    return [(worker_id, source) for worker_id, each in declared for source in each.sources]


def _reads(source: object, stream: str) -> bool:
    match source:
        case Kinesis(stream=named):
            return named == stream
        case TableStream(table=table, kinesis=kinesis):
            return stream in (table, kinesis)
    return False


def _tables_carried_by(stream: str) -> list[str]:
    """Name the tables whose changes a Kinesis stream carries; a local stage has no such stream."""
    sources = (source for _, source in _sources() if isinstance(source, TableStream))
    return sorted({source.table for source in sources if source.kinesis == stream})


def _only_reader(reads: Callable[[object], bool]) -> tuple[str, object] | tuple[None, None]:
    """Find the one installed worker that reads something, with its source; nobody, where several do."""
    found = [(worker_id, source) for worker_id, source in _sources() if reads(source)]
    return found[0] if len(found) == 1 else (None, None)
