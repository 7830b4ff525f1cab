"""Makes the topics that workers take from, and names them and the clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from worker_runtime.local.stage.kafka.needs import clusters_of, local_topic, sources_of
from worker_runtime.local.stage.names import local_name
from worker_runtime.local.stage.parts.part import PartBroken
from worker_runtime.local.stage.provisioning import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker_runtime.local.stage.names import Names
    from worker_runtime.workers import Declaration

_ASK_TIMEOUT_S = 2.0
_TRIES = 10


def provision_kafka(declared: Sequence[Declaration], names: Names, *, servers: str, region: str) -> None:
    """Make all topics on the cluster at ``servers``; every cluster's name stands for that one."""
    topics = {source.topic: local_topic(source.topic) for source in sources_of(declared)}
    make_topics(topics.values(), servers=servers)
    for logical, real in topics.items():
        names.add("kafka topic", logical, real)
    for cluster in clusters_of(declared):
        names.add("cluster", cluster, cluster_arn(cluster, region=region))


def cluster_arn(logical: str, *, region: str) -> str:
    """Word the ARN of a cluster; AWS's ends in a UUID and a number."""
    real = local_name(logical)
    return f"arn:aws:kafka:{region}:{ACCOUNT}:cluster/{real}/{uuid5(NAMESPACE_URL, real)}-1"


def make_topics(topics: Iterable[str], *, servers: str) -> None:
    """Make topics by asking for them, as producers do; raises PartBroken where the cluster makes none."""
    from confluent_kafka import Producer  # noqa: PLC0415 - only a stage with Kafka needs its client

    producer = Producer({"bootstrap.servers": servers, "log_level": 0})
    for topic in topics:
        found = (producer.list_topics(topic, timeout=_ASK_TIMEOUT_S).topics[topic] for _ in range(_TRIES))
        if not any(each.error is None and each.partitions for each in found):
            raise PartBroken(
                f"Kafka at {servers} has no topic {topic} and makes none when it is asked for."
                " Make it, or set auto.create.topics.enable."
            )
