"""Counts and durations as CloudWatch's embedded metric format: one line an invocation."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker_runtime import clock
from worker_runtime.middleware.downstream import Downstream
from worker_runtime.outcomes import Deferred, Done, Failed, Outcome, Rejected, Skipped, Unstarted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.settings import Environment

_COUNTED: Final[Mapping[type, str]] = {
    Done: "RecordsSucceeded",
    Skipped: "RecordsSkipped",
    Failed: "RecordsRetried",
    Deferred: "RecordsDeferred",
    Rejected: "RecordsDeadLettered",
    Unstarted: "RecordsUnstarted",
}
VALUES_MAX = 100  # CloudWatch embedded metric format: values of one metric in one line


class Metrics:
    """What a worker and its services measure; shared by the threads of an invocation."""

    def __init__(self, *, plugin: str, worker: str, environment: Environment) -> None:
        self._namespace = f"Workers/{plugin}"
        dimensions = {
            "worker": worker,
            "env": environment.environment_tag or environment.config_env,
            "region": environment.region,
        }
        self._dimensions = {
            name: value for name, value in dimensions.items() if value
        }  # CloudWatch takes no ""
        self._values: dict[tuple[str, str], list[float]] = {}
        self._parted: dict[tuple[tuple[str, str], ...], dict[tuple[str, str], list[float]]] = {}
        self._lock = threading.Lock()
        self.downstream = Downstream()

    def count(self, name: str, by: int = 1, *, of: Mapping[str, str] | None = None) -> None:
        """Add to a counter of this invocation; ``of`` are dimensions of its own, ``{"type": "sale"}``."""
        with self._lock:
            values = self._values if of is None else self._parted.setdefault((*sorted(of.items()),), {})
            values.setdefault((name, "Count"), [0])[0] += by

    def observe_ms(self, name: str, milliseconds: float) -> None:
        """Note one duration or age, in milliseconds."""
        with self._lock:
            self._values.setdefault((name, "Milliseconds"), []).append(round(milliseconds, 3))

    def count_outcomes(self, kinds: Mapping[type[Outcome], int], *, has_letters: bool = True) -> None:
        """Count records by what became of them; without dead letters what is rejected is refused."""
        for kind, number in kinds.items():
            self.count("RecordsReceived", number)
            refused = kind is Rejected and not has_letters
            self.count("RecordsRefused" if refused else _COUNTED[kind], number)

    def flush(self) -> str | None:
        """Return the invocation's lines and begin anew; None where nothing was measured.

        One line, and one more for each service that was called, each class of its errors and each set of
        dimensions.
        """
        with self._lock:
            values, self._values = self._values, {}
            parted, self._parted = self._parted, {}
        lines = [self._line({}, values)] if values else []
        lines += [self._line(dict(of), counted) for of, counted in parted.items()]
        for dimensions, name, unit, measured in self.downstream.drain():
            lines.append(self._line(dimensions, {(name, unit): measured}))
        return "\n".join(lines) or None

    def _line(self, more: Mapping[str, str], values: Mapping[tuple[str, str], list[float]]) -> str:
        dimensions = {**self._dimensions, **more}
        names = [{"Name": name, "Unit": unit} for name, unit in values]
        directive = {"Namespace": self._namespace, "Dimensions": [[*dimensions]], "Metrics": names}
        line: dict[str, Any] = {
            "_aws": {"Timestamp": int(clock.now() * 1000), "CloudWatchMetrics": [directive]},
            **dimensions,
            **{name: measured[:VALUES_MAX] for (name, _), measured in values.items()},
        }
        return msgspec.json.encode(line).decode()
