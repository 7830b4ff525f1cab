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

    @property
    def per_second(self) -> float:
        """Changes a second of this run."""
        return (self._changes - self._before) / max(time.monotonic() - self._began, 0.001)

    def __str__(self) -> str:
        of = "" if self._of is None else f" of {self._of:,}"
        files = f"{self._files:,} of {self._of_files:,} files"
        return f"{self._changes:,}{of} changes, {files}, {self.per_second:,.0f}/s"


@contextmanager
def shown(output: Output) -> Iterator[Callable[[str], None]]:
    """Give what shows a line; with ``--json`` only a terminal sees it."""
    if sys.stderr.isatty():
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

        with Console(stderr=True).status("") as status:
            yield status.update
    elif output.as_json:
        yield lambda _: None
    else:
        yield _now_and_then()


def _now_and_then() -> Callable[[str], None]:
    told_at = time.monotonic()

    def show(line: str) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= LINE_EVERY_S:
            told_at = time.monotonic()
            tell(line)

    return show
