"""What is seen while a demo runs: the scenario's news and the workers' counts, live.

An area that is redrawn on a terminal, plain lines elsewhere.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from rich.console import Group
from rich.live import Live
from rich.text import Text

from worker_runtime.local.demo.tables import counted, worker_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from rich.console import Console

    from worker_runtime.local.stage.counting import WorkerCounts

    Counts = Callable[[], Mapping[str, WorkerCounts]]

TICK_S: Final = 1.0

_NEWS_SHOWN: Final = 10
_REDRAWS_A_SECOND: Final = 4


class Screen(Protocol):
    """Where the person who waits looks."""

    def tell(self, text: str) -> None:
        """Show what happens now; may be called from any thread."""

    def following(self, counts: Counts) -> AbstractContextManager[None]:
        """Show the workers' counts again and again inside the block."""


def screen_on(console: Console) -> Screen:
    """Choose the screen that the console can show."""
    return LiveScreen(console) if console.is_terminal else PlainScreen(console)


class PlainScreen:
    """One line a piece of news, and one a second for the counts where they moved."""

    def __init__(self, console: Console, *, tick_s: float = TICK_S) -> None:
        self._console = console
        self._tick_s = tick_s
        self._watch = _Watch()

    def tell(self, text: str) -> None:
        """Print a line."""
        self._console.print(Text(f"{self._watch} {text}"), soft_wrap=True)

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
        shown = counted(counts())
        while not ended.wait(self._tick_s):
            now = counted(counts())
            if now != shown:
                self.tell(now)
                shown = now


class LiveScreen:
    """The last news over a table of the workers, redrawn several times a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._watch = _Watch()
        self._news: deque[str] = deque(maxlen=_NEWS_SHOWN)
        self._drawing = False

    def tell(self, text: str) -> None:
        """Show it under the earlier news until newer ones push it out; outside the area print it to stay."""
        line = f"{self._watch} {text}"
        if self._drawing:
            self._news.append(line)
        else:
            self._console.print(Text(line), soft_wrap=True)

    @contextmanager
    def following(self, counts: Counts) -> Iterator[None]:
        """Draw until the block ends; the area is then left empty for the result."""
        self._drawing = True
        with Live(
            console=self._console,
            get_renderable=lambda: self._drawn(counts()),
            refresh_per_second=_REDRAWS_A_SECOND,
            transient=True,
        ):
            try:
                yield
            finally:
                self._drawing = False

    def _drawn(self, counts: Mapping[str, WorkerCounts]) -> Group:
        news = [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in self._news]
        if news:
            news[-1].stylize("bold not dim")
        return Group(*news, worker_table(counts))


class _Watch:
    """Seconds since it was made, as they stand before each line."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __str__(self) -> str:
        return f"{time.monotonic() - self._began:5.1f} s "
