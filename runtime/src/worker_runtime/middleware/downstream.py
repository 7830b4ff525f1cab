"""How other services answered: latencies by service and errors by service and class, as EMF lines.

A line of its own for each, since a dimension has one value a line; the clients note calls through
``invocation.note_call``, so that no worker has to.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LATENCY = "DownstreamLatencyMs"
ERRORS = "DownstreamErrors"


class Downstream:
    """What the calls of one invocation came to; shared by its threads."""

    def __init__(self) -> None:
        self._latencies: dict[str, list[float]] = {}
        self._errors: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def note(self, service: str, took_s: float, error: str | None) -> None:
        """Note one call, and the class of its error where it had one."""
        with self._lock:
            self._latencies.setdefault(service, []).append(round(took_s * 1000, 3))
            if error is not None:
                self._errors[service, error] += 1

    def drain(self) -> Iterator[tuple[dict[str, str], str, str, list[float]]]:
        """Yield dimensions, name, unit and values of what was noted, and begin anew."""
        with self._lock:
            latencies, self._latencies = self._latencies, {}
            errors, self._errors = self._errors, Counter()
        for service, took_ms in latencies.items():
            yield {"service": service}, LATENCY, "Milliseconds", took_ms
        for (service, kind), number in errors.items():
            yield {"service": service, "class": kind}, ERRORS, "Count", [number]
