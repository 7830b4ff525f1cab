"""What a demo ends with: the numbers of each worker, the ledger's outcome, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, to_builtins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.local.demo.asked import Asked
    from worker_runtime.local.demo.outcome import Outcome
    from worker_runtime.local.stage.counting import WorkerCounts


class Report(Struct, frozen=True, kw_only=True):
    """One demo and its result; ``wall_s`` is machine time, ``logs`` the folder of the workers' output."""

    asked: Asked
    outcome: Outcome
    workers: Mapping[str, WorkerCounts]
    wall_s: float
    logs: str

    @property
    def holds(self) -> bool:
        """Whether the ledger found nothing."""
        return self.outcome.holds

    def verdict(self) -> str:
        """Say in one sentence whether the job is proven."""
        items = sum(self.outcome.endings.values())
        if self.holds:
            return f"Nothing was lost: {items} of {items} items are accounted for ({self.wall_s:.1f} s)."
        found = len(self.outcome.findings)
        return f"The ledger does not hold: {found} finding{'s' * (found > 1)} ({self.wall_s:.1f} s)."

    def plain(self) -> dict[str, Any]:
        """Return it as plain data, the object that ``--json`` prints."""
        return {
            "holds": self.holds,
            **to_builtins(self.asked),
            "faults": sorted(self.asked.faults),
            **to_builtins(self.outcome),
            "workers": self.workers,
            "wallS": round(self.wall_s, 2),
            "logs": self.logs,
        }
