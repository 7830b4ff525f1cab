"""What a person may ask of a stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker_runtime.local.stage.polling.batch_places import CONCURRENT_BATCHES

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOptions:
    """What is staged, and how.

    Without ``stacks`` all workers are staged. ``speed`` is stage seconds a second of the machine's.
    ``origin`` (epoch seconds) is when an in-process stage begins; else now.
    ``endpoint_url`` takes another AWS endpoint than an emulator of the stage's own, ``kafka_servers``
    another Kafka (its bootstrap servers) than a broker of the stage's own. ``state_dir``
    keeps logs, checkpoints and the lineage (bodies masked unless ``lineage_in_clear``); with
    ``goes_on`` a stage in the same folder goes on where this one was, however it ended. ``record_to``
    is a new file for what workers are handed and what becomes of it,
    without personal data unless ``record_in_clear``. ``concurrent_batches`` of one queue are in flight
    at most, each in a process of its own, whatever more its source allows (``max_concurrency``): it begins
    with five, and has 300 more a minute while messages wait, as Lambda does.
    """

    stacks: tuple[str, ...] = ()
    speed: float = 1.0
    seed: int = 0
    in_process: bool = False
    origin: float | None = None
    faults: frozenset[str] = frozenset()
    endpoint_url: str | None = None
    kafka_servers: str | None = None
    state_dir: Path | None = None
    goes_on: bool = False
    record_to: Path | None = None
    record_in_clear: bool = False
    lineage_in_clear: bool = False
    concurrent_batches: int = CONCURRENT_BATCHES
