"""How far a backfill is, and how fast, on stderr: a line that changes, or elsewhere one now and then."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from worker_runtime.local.commands.reporting import tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker_runtime.local.commands.reporting import Output

LINE_EVERY_S: Final = 5.0


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
        of = "" if self._of is None else f" of {self._of:,}"
        files = f"{self._files:,} of {self._of_files:,} files"
        return f"{self._changes:,}{of} changes, {files}, {self.per_second:,.0f}/s"


@contextmanager
def shown(output: Output, *, line_every_s: float = LINE_EVERY_S) -> Iterator[Callable[[str], None]]:
    """Give what shows a line; with ``--json`` only a terminal sees it."""
    if not output.watched:
        yield lambda _: None
    elif sys.stderr.isatty():
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

        with Console(stderr=True).status("") as status:
            yield status.update
    else:
        yield _now_and_then(line_every_s)


def _now_and_then(every_s: float) -> Callable[[str], None]:
    told_at = time.monotonic()

    def show(line: str) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= every_s:
            told_at = time.monotonic()
            tell(line)

    return show
