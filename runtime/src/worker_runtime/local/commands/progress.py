"""How far a long work is, on stderr: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from worker_runtime.local.commands.reporting import tell
from worker_runtime.local.commands.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker_runtime.local.commands.reporting import Output

    Advance = Callable[[int], None]
    Show = Callable[[str], None]

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
def status(output: Output, *, line_every_s: float = LINE_EVERY_S) -> Iterator[Show]:
    """Give what shows how a long work stands, in its own words; to whom, as in ``progress``."""
    if not output.watched:
        yield lambda _: None
    elif sys.stderr.isatty():
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
        from rich.text import Text  # noqa: PLC0415 - as above

        with Console(stderr=True).status("") as line:
            yield lambda text: line.update(Text(visible(text)))
    else:
        yield _now_and_then(line_every_s)


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Advance]:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=total)
        yield lambda step: shown.advance(task, step)


def _lines(what: str, total: int | None, line_every_s: float) -> Advance:
    done, show = 0, _now_and_then(line_every_s)

    def advance(step: int) -> None:
        nonlocal done
        done += step
        show(f"{what}: {done:,}" + (f" of {total:,}" if total is not None else ""))

    return advance


def _now_and_then(every_s: float) -> Show:
    told_at = time.monotonic()

    def show(text: str) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= every_s:
            told_at = time.monotonic()
            tell(text)

    return show
