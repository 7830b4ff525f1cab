"""Joins a declared topic with the stage's Kafka: its poller, and where its dead letters came from.

Kafka's client is an extra: it is imported where a worker takes from a topic.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from worker_runtime.filters import compile_filters
from worker_runtime.local.dead_letters.opening import Origin
from worker_runtime.local.stage.kafka.needs import group_of
from worker_runtime.local.stage.polling.kafka_form import KafkaForm
from worker_runtime.local.stage.polling.kafka_poller import KafkaPoller
from worker_runtime.local.stage.polling.on_failure import OnFailureQueue
from worker_runtime.local.stage.polling.topic_past import TopicPast

if TYPE_CHECKING:
    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.names import Names
    from worker_runtime.local.stage.polling.delivering import Delivery
    from worker_runtime.local.stage.polling.mappings import Ground
    from worker_runtime.local.stage.polling.topic_past import Remembering
    from worker_runtime.sources.kafka import Kafka

_NO_GROUP = "local-past"  # a client must name one; nothing is committed in it


def kafka_poller_of(source: Kafka, *, delivery: Delivery, function_arn: str, ground: Ground) -> KafkaPoller:
    """Make the poller that hands a topic's records to a worker."""
    from worker_runtime.local.stage.polling.kafka_topic import KafkaTopic  # noqa: PLC0415 - see above

    assert source.dead_letters is not None  # noqa: S101 - check() saw to it when it was declared
    topic = KafkaTopic(
        ground.kafka_servers,
        name=ground.names.named("kafka topic", source.topic),
        group=group_of(delivery.worker_id, source),
    )
    cluster = None if source.cluster is None else ground.names.named("cluster", source.cluster)
    return KafkaPoller(
        source,
        topic=topic,
        form=KafkaForm(servers=ground.kafka_servers, cluster_arn=cluster, reports=source.partial_replies),
        function_arn=function_arn,
        delivery=delivery,
        on_failure=OnFailureQueue(ground.aws("sqs"), ground.names.named("queue", source.dead_letters)),
        clock=ground.clock,
        threads=ground.threads,
    )


def kafka_origin(worker_id: str, source: Kafka, *, names: Names, servers: str, clock: Clock) -> Origin:
    """Say where a topic's dead letters came from; without ``servers`` its past cannot be read."""
    spill = source.spill_bucket
    form = KafkaForm(servers=servers, cluster_arn=None, reports=source.partial_replies)
    past = TopicPast(topic=source.topic, opened=partial(_opened, servers), form=form, clock=clock)
    return Origin(
        worker_id=worker_id,
        past=past if servers else None,
        filters=compile_filters(source.filters, data_key="value"),
        spill_bucket=names.named("bucket", spill) if spill else None,
    )


def _opened(servers: str, name: str) -> Remembering:
    from worker_runtime.local.stage.polling.kafka_topic import KafkaTopic  # noqa: PLC0415 - see above

    return KafkaTopic(servers, name=name, group=_NO_GROUP)
