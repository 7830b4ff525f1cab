"""The queues and streams that can be recorded: found at an endpoint, by name or by who is polled for them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from worker_runtime.catalogue import installed
from worker_runtime.errors import SettingsError
from worker_runtime.local.real_names import RealNames
from worker_runtime.local.recording.queue_tap import QueueTap
from worker_runtime.local.recording.stream_tap import StreamTap
from worker_runtime.local.stage.keeping.clock_outside import clock_outside
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
    from collections.abc import Generator

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
        self.clock = clock_outside(os.environ)

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
        readers = [
            (worker, source)
            for worker, source in _sources()
            if isinstance(source, Sqs) and self._names.is_named(queue, kind="queue", logical=source.queue)
        ]
        if len(readers) == 1:
            return self._of_source(readers[0][1], readers[0][0])
        return Tapped(
            QueueTap(self._aws("sqs"), self._names.queue_url(queue), source=None, clock=self.clock), None
        )

    def of_stream(self, stream: str) -> Tapped:
        """Find a stream by its ARN, its logical or real name, or its table's.

        What several workers read is recorded in the form in which all of them get it.
        """
        readers = self._readers_of(stream)
        if len(readers) == 1:
            return self._of_source(readers[0][1], readers[0][0])
        if len({_form(source) for _, source in readers}) == 1:
            return Tapped(StreamTap(self._feed_of(readers[0][1]), source=None), None)
        arn = stream if stream.startswith("arn:") else self._names.stream_arn(stream)
        return Tapped(StreamTap(self._feed(arn), source=None), None)

    def _of_source(self, source: Tappable, worker: str | None) -> Tapped:
        if isinstance(source, Sqs):
            url = self._names.queue_url(source.queue)
            return Tapped(QueueTap(self._aws("sqs"), url, source=source, clock=self.clock), worker)
        return Tapped(StreamTap(self._feed_of(source), source=source), worker)

    def _readers_of(self, stream: str) -> list[tuple[str, Kinesis | TableStream]]:
        """List the installed workers that are polled for a stream, with their sources."""
        named = partial(self._names.is_named, stream)
        return [
            (worker, source)
            for worker, source in _sources()
            if (isinstance(source, Kinesis) and named(kind="stream", logical=source.stream))
            or (
                isinstance(source, TableStream)
                and (
                    named(kind="table", logical=source.table)
                    or (source.kinesis and named(kind="stream", logical=source.kinesis))
                )
            )
        ]

    def _feed_of(self, source: Kinesis | TableStream) -> Feed:
        return feed_of(source, names=self._names.of([source]), aws=self._aws, clock=self.clock)

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


def _form(source: Kinesis | TableStream) -> tuple[str | None, str | None]:
    """Tell the table and the Kinesis stream that a source's records come from."""
    if isinstance(source, Kinesis):
        return None, source.stream
    return source.table, source.kinesis
