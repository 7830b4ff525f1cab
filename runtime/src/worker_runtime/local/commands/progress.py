"""How far a long work is, on stderr: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from worker_runtime.local.commands.reporting import tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker_runtime.local.commands.reporting import Output

    Advance = Callable[[int], None]

LINE_EVERY_S: Final = 5.0


@contextmanager
def progress(
    what: str, *, output: Output, total: int | None = None, line_every_s: float = LINE_EVERY_S
) -> Iterator[Advance]:
    """Show how much of ``what`` is done, ``total`` where that is known; the block tells each step's size.

    It may be told from any thread. With ``--json`` only a terminal sees it: machines read errors there.
    """
    if not output.watched:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bar(what, total) as advance:
            yield advance
    else:
        yield _lines(what, total, line_every_s)


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Advance]:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=total)
        yield lambda step: shown.advance(task, step)


def _lines(what: str, total: int | None, line_every_s: float) -> Advance:
    done, told_at = 0, time.monotonic()

    def advance(step: int) -> None:
        nonlocal done, told_at
        done += step
        if time.monotonic() - told_at >= line_every_s:
            told_at = time.monotonic()
            tell(f"{what}: {done:,}" + (f" of {total:,}" if total is not None else ""))

    return advance
