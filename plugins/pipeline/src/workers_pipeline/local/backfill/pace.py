"""How far a backfill is, and how fast, in one line."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from worker_runtime.local.commands.reporting import counted

if TYPE_CHECKING:
    from collections.abc import Callable


class Pace:
    """Counts what is done; ``changes`` and ``files`` are done already when it begins."""

    def __init__(
        self, *, changes: int, of: int | None, files: int, of_files: int, show: Callable[[str], None]
    ) -> None:
        self._changes, self._of = changes, of
        self._files, self._of_files = files, of_files
        self._before = changes
        self._began = time.monotonic()
        self._show = show

    def see(self, *, changes: int, files: int) -> None:
        """Count what is done more, and show it."""
        self._changes += changes
        self._files += files
        self._show(str(self))

    def wait(self, why: str, *, pause_s: float) -> None:
        """Show that a batch was not taken, and when it is tried again."""
        self._show(f"{self}; again in {pause_s:g} s: {why}")

    @property
    def per_second(self) -> float:
        """Changes a second of this run."""
        return (self._changes - self._before) / max(time.monotonic() - self._began, 0.001)

    def __str__(self) -> str:
        of = "" if self._of is None else f"{self._changes:,} of "
        changes = counted(self._changes if self._of is None else self._of, "change")
        files = f"{self._files:,} of {counted(self._of_files, 'file')}"
        return f"{of}{changes}, {files}, {self.per_second:,.0f}/s"
