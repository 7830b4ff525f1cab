"""Reads again what Lambda's metadata names of a topic, for as long as the topic has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from worker_runtime.local.stage.polling.kafka_form import kafka_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.polling.kafka_form import KafkaForm
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.local.stage.polling.topic_feed import TopicRecord


class Remembering(Protocol):
    """A topic that can be read anywhere, for no group."""

    def past(self, partition: int, *, first: int, last: int) -> Sequence[TopicRecord]:
        """Read from one offset to another, as far as the topic has them. Raises TopicBroken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPast:
    """The past of a mapping's topic, whose real name ends in ``topic``; ``opened`` opens one by its name."""

    topic: str
    opened: Callable[[str], Remembering]
    form: KafkaForm
    clock: Clock

    def records(self, info: Mapping[str, Any]) -> list[StagedRecord]:
        """Read all that ``KafkaBatchInfo`` names; LookupError where the topic does not have it all."""
        return [record for place, ends in info["recordsInfo"].items() for record in self._range(place, ends)]

    def _range(self, place: str, ends: Mapping[str, str]) -> Iterator[StagedRecord]:
        name, _, partition = place.rpartition("-")
        first, last = int(ends["firstRecordOffset"]), int(ends["lastRecordOffset"])
        if not name.endswith(self.topic):
            raise LookupError(f"{name} is not the topic {self.topic}")
        found = self.opened(name).past(int(partition), first=first, last=last)
        if not found or (found[0].offset, found[-1].offset) != (first, last):
            raise LookupError(f"{name} has forgotten some of {first} to {last} in partition {partition}")
        return (kafka_record(each, topic=name, clock=self.clock) for each in found)
