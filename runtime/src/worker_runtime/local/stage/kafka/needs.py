"""What workers need of Kafka: which topics, whose offsets, which clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker_runtime.local.stage.names import local_name
from worker_runtime.sources.kafka import Kafka

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker_runtime.workers import Declaration

SERVERS_VARIABLE: Final = "KAFKA_BOOTSTRAP_SERVERS"
"""Where a command of a person finds the Kafka of a stage, or another."""


def local_topic(logical: str) -> str:
    """Name a topic of the stage: ``parcels`` is ``local-parcels``; a topic's name may have dots."""
    return f"local-{logical}"


def group_of(worker_id: str, source: Kafka) -> str:
    """Name the consumer group of a mapping; where none is declared Lambda makes one up."""
    return source.group or local_name(worker_id)


def groups_of(worker_id: str, declaration: Declaration) -> list[str]:
    """List the consumer groups of a worker's mappings."""
    return [group_of(worker_id, source) for source in sources_of([declaration])]


def sources_of(declared: Iterable[Declaration]) -> list[Kafka]:
    """List the topics that workers take from."""
    return [source for each in declared for source in each.sources if isinstance(source, Kafka)]


def clusters_of(declared: Iterable[Declaration]) -> list[str]:
    """List the MSK clusters (logical names) that workers, or their sources, are granted."""
    return sorted({grant.name for each in declared for grant in each.all_grants if grant.kind == "cluster"})
