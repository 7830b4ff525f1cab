"""Which dead letters a worker writes while an event is run again: they wait where the environment leads."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from worker_runtime.catalogue import installed
from worker_runtime.errors import UnrecognisedEvent
from worker_runtime.loading import declared_worker
from worker_runtime.routing import route

if TYPE_CHECKING:
    from worker_runtime.local.recording.lines import Event


def letters_written(now: Event) -> Counter[str]:
    """Count the letters of an event that was run, by the logical name of their queue; callers have none."""
    rejected = sum(fate.outcome == "reject" for fate in now.records)
    if not rejected or now.worker is None:
        return Counter()
    sources = declared_worker(now.worker, installed().worker(now.worker)).declaration.sources
    try:
        source = route(sources, json.loads(bytes(now.event)), worker=now.worker)
    except UnrecognisedEvent:
        return Counter()
    queue = getattr(source, "dead_letters", None)
    return Counter({queue: rejected}) if queue else Counter()
