"""Lambda's poller of a Kafka topic: its partitions shared out among consumers of the mapping's group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker_runtime.filters import compile_filters
from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.polling.bisecting import UNLIMITED
from worker_runtime.local.stage.polling.kafka_failure import kafka_failure_record
from worker_runtime.local.stage.polling.topic_attempts import Retrying, TopicEnds
from worker_runtime.local.stage.polling.topic_consumer import Batching, TopicConsumer
from worker_runtime.local.stage.polling.topic_feed import Share
from worker_runtime.local.stage.threads.real import REAL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.polling.delivering import Delivery
    from worker_runtime.local.stage.polling.kafka_form import KafkaForm
    from worker_runtime.local.stage.polling.on_failure import GivenUp, OnFailureQueue
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.local.stage.polling.topic_feed import Topic
    from worker_runtime.local.stage.threads.threads import Threads
    from worker_runtime.sources.kafka import Kafka

WINDOW_S: Final = 0.5
"""How long Lambda gathers where a mapping does not say (MaximumBatchingWindowInSeconds of Kafka)."""

KEPT_S: Final = 604_800.0
"""How long a topic keeps a record where nobody says (log.retention.hours)."""

RETRIES: Final = 10
"""Lambda's where a mapping has an on-failure destination and sets no limit (Kafka retry configurations)."""

CONSUMERS: Final = 1
"""Event pollers of a mapping without provisioned mode, at first; the stage does not add to them."""


def retrying_of(source: Kafka) -> Retrying:
    """Read a mapping's rule of retries; without provisioned mode it retries for as long as it can."""
    provisioned = source.pollers is not None
    return Retrying(
        bisect=source.bisect,
        retries=RETRIES if provisioned and source.retries == UNLIMITED else source.retries,
        max_age_s=source.max_age_s,
        kept_s=KEPT_S,
    )


class KafkaPoller(Part):
    """Polls one topic for one worker."""

    def __init__(  # noqa: PLR0913 - what is polled, in which form, for whom, and three parts of the stage
        self,
        source: Kafka,
        *,
        topic: Topic,
        form: KafkaForm,
        function_arn: str,
        delivery: Delivery,
        on_failure: OnFailureQueue,
        clock: Clock,
        threads: Threads = REAL,
    ) -> None:
        self._source = source
        self._topic = topic
        self._form = form
        self._function_arn = function_arn
        self._delivery = delivery
        self._on_failure = on_failure
        self._clock = clock
        self._threads = threads
        self._quit = threads.flag()
        self._consumers: list[TopicConsumer] = []

    def start(self) -> Self:
        """Share out the partitions, and read each from where its group is. Raises TopicBroken."""
        partitions = self._topic.begin(start=self._source.start)
        least = CONSUMERS if self._source.pollers is None else self._source.pollers[0]
        consumers = min(least, partitions)
        self._consumers = [self._consumer(Share(at, of=consumers)) for at in range(consumers)]
        for consumer in self._consumers:
            consumer.start()
        return self

    def quit(self) -> None:
        """Read nothing more."""
        self._quit.set()

    def stop(self) -> None:
        """Read nothing more and wait for the end of what is under way."""
        self._quit.set()
        for consumer in self._consumers:
            consumer.join()

    def busy(self) -> bool:
        """Whether a record is unread, in flight or being retried."""
        return any(consumer.busy() for consumer in self._consumers)

    def _consumer(self, share: Share) -> TopicConsumer:
        source = self._source
        return TopicConsumer(
            self._topic.reader(share),
            batching=Batching(
                topic=self._topic.name,
                filters=compile_filters(source.filters, data_key="value"),
                batch_size=source.batch_size,
                window_s=WINDOW_S if source.window_s is None else source.window_s,
            ),
            retrying=retrying_of(source),
            ends=TopicEnds(
                delivery=self._delivery,
                form=self._form,
                function_arn=self._function_arn,
                give_up=self._give_up,
            ),
            clock=self._clock,
            quit=self._quit,
            threads=self._threads,
        )

    def _give_up(self, records: Sequence[StagedRecord], why: GivenUp) -> str | None:
        """Write the on-failure record and return its message's id, as ``OnFailureQueue.put`` does."""
        body = kafka_failure_record(records, form=self._form, why=why)
        return self._on_failure.put(body, until=self._quit)
