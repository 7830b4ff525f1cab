"""Where the parts of a stage note what happens; what becomes of it is not their business."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from worker_runtime.local.stage.lineage.happenings import Happening


class Journal(Protocol):
    """Takes happenings in their order; for many threads, and never for long."""

    def note(self, happening: Happening) -> None:
        """Note what happened just now."""


class NoJournal:
    """Keeps nothing."""

    def note(self, happening: Happening) -> None:
        """Forget it."""


NO_JOURNAL: Final = NoJournal()
