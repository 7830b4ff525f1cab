"""What is seen while a demo runs: the scenario's news and the workers' counts, live.

Lines under which a table is redrawn on a terminal, plain lines elsewhere.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from textwrap import fill
from typing import TYPE_CHECKING, Final, Protocol

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from worker_runtime.local.commands.number_lines import PLAIN_WIDTH
from worker_runtime.local.commands.visible import visible
from worker_runtime.local.demo.tables import counted, table_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from rich.console import Console

    from worker_runtime.local.stage.counting import WorkerCounts

    Counts = Callable[[], Mapping[str, WorkerCounts]]

TICK_S: Final = 1.0
SLOWEST: Final = 30
"""After how many ticks a line follows another where counts never rest: a schedule's, say."""

_REDRAWS_A_SECOND: Final = 4
_WATCH_WIDTH: Final = 9  # of "  0.0 s  "


class Screen(Protocol):
    """Where the person who waits looks."""

    def tell(self, text: str) -> None:
        """Show what happens now; may be called from any thread."""

    def following(self, counts: Counts) -> AbstractContextManager[None]:
        """Show the workers' counts again and again inside the block."""


def screen_on(console: Console, *, watched: bool) -> Screen:
    """Choose the screen that the console can show; none where nobody watches it."""
    if not watched:
        return NO_SCREEN
    return LiveScreen(console) if console.is_terminal else PlainScreen(console)


class _NoScreen:
    """Shows nothing: a program reads the results, and an error by itself."""

    def tell(self, text: str) -> None:
        """Keep it back."""

    @contextmanager
    def following(self, counts: Counts) -> Iterator[None]:  # noqa: ARG002 - nobody looks
        """Let the block run."""
        yield


NO_SCREEN: Final[Screen] = _NoScreen()


class PlainScreen:
    """One line a piece of news, and one for the counts where they moved, rarer while they do not rest."""

    def __init__(self, console: Console, *, tick_s: float = TICK_S) -> None:
        self._console = console
        self._tick_s = tick_s
        self._watch = _Watch()

    def tell(self, text: str) -> None:
        """Print a line, or several of ``PLAIN_WIDTH`` that are broken between words; a traceback as it is."""
        first, *more = text.splitlines() or [""]
        said = fill(
            f"{self._watch}  {first}",
            width=PLAIN_WIDTH,
            subsequent_indent=" " * _WATCH_WIDTH,
            break_long_words=False,
            break_on_hyphens=False,
        )
        kept = (f"{' ' * _WATCH_WIDTH}{line}" for line in more)
        self._console.print(Text(visible("\n".join((said, *kept)))), soft_wrap=True)

    @contextmanager
    def following(self, counts: Counts) -> Iterator[None]:
        """Print the counts in a thread of its own, which ends with the block."""
        ended = threading.Event()
        follower = threading.Thread(target=self._follow, args=(counts, ended), name="screen", daemon=True)
        follower.start()
        try:
            yield
        finally:
            ended.set()
            follower.join()

    def _follow(self, counts: Counts, ended: threading.Event) -> None:
        shown, wait_s = counted(counts()), self._tick_s
        while not ended.wait(wait_s):
            now = counted(counts())
            moved = now != shown
            if moved:
                self.tell(now)
                shown = now
            wait_s = min(wait_s * 2, self._tick_s * SLOWEST) if moved else self._tick_s


class LiveScreen:
    """News that stay, and under them a table of the workers, redrawn several times a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._watch = _Watch()

    def tell(self, text: str) -> None:
        """Print it to stay, above the table where there is one; its further lines begin under its first."""
        line = Table.grid(padding=(0, 1))
        line.add_row(str(self._watch), Text(visible(text), overflow="fold"))
        self._console.print(line)

    @contextmanager
    def following(self, counts: Counts) -> Iterator[None]:
        """Draw the table until the block ends; it then makes room for the result."""
        with Live(
            console=self._console,
            get_renderable=lambda: self._drawn(counts()),
            refresh_per_second=_REDRAWS_A_SECOND,
            transient=True,
        ):
            yield

    def _drawn(self, counts: Mapping[str, WorkerCounts]) -> Group:
        heading, *lines = table_lines(counts, width=self._console.width)
        return Group("", _uncut(heading, style="bold"), *map(_uncut, lines))


def _uncut(line: str, style: str = "") -> Text:
    return Text(line, style=style, no_wrap=True, overflow="crop")


class _Watch:
    """Seconds since it was made, as they stand before each line."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __str__(self) -> str:
        return f"{time.monotonic() - self._began:5.1f} s"
