"""What a worker prints and logs in this process, kept apart from what everybody else does.

For the in-process mode only: a context variable tells whose output it is, so that the threads of
an invocation are heard and the stage's own output stays where it was.
"""

from __future__ import annotations

import io
import logging
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from worker_runtime.local.stage.parts.part import Part
from worker_runtime.middleware.logging import JsonFormatter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Self

CHATTY = ("botocore", "httpcore", "httpx", "urllib3")

_hearing: ContextVar[_Hearing | None] = ContextVar("hearing", default=None)
_fields: ContextVar[Mapping[str, str]] = ContextVar("fields", default={})  # noqa: B039 - never changed


@contextmanager
def heard(hear: Callable[[str], None], *, fields: Mapping[str, str]) -> Iterator[None]:
    """Give each line that is printed or logged inside the block to ``hear``."""
    hearing = _Hearing(hear)
    tokens = _hearing.set(hearing), _fields.set(fields)
    try:
        yield
    finally:
        hearing.end()
        _hearing.reset(tokens[0])
        _fields.reset(tokens[1])


class _Hearing:
    """Puts lines together: ``print`` writes a text and its end of line apart."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        self.hear = hear
        self._partial = ""

    def write(self, text: str) -> None:
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            self.hear(line)

    def end(self) -> None:
        if self._partial:
            self.hear(self._partial)
            self._partial = ""


class RoutedOutput(Part):
    """Stands in for ``sys.stdout`` and ``sys.stderr`` and listens to the root logger from start to stop."""

    def __init__(self) -> None:
        self._streams: tuple[Any, Any] | None = None

    def start(self) -> Self:
        """Take over."""
        self._streams = sys.stdout, sys.stderr
        root = logging.getLogger()
        self._level, self._handlers = root.level, root.handlers[:]
        root.handlers[:] = [_Heard(self._handlers, level=self._level)]
        root.setLevel(min(root.level, logging.INFO))
        sys.stdout, sys.stderr = map(_Router, self._streams)
        return self

    def stop(self) -> None:
        """Put everything back."""
        if self._streams is not None:
            (sys.stdout, sys.stderr), self._streams = self._streams, None
            logging.getLogger().handlers[:] = self._handlers
            logging.getLogger().setLevel(self._level)


class _Router(io.TextIOBase):
    """Sends whole lines to who hears in the context at hand, else on to the real output."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def write(self, text: str) -> int:
        hearing = _hearing.get()
        if hearing is None:
            return int(self._real.write(text))
        hearing.write(text)
        return len(text)

    def flush(self) -> None:
        self._real.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Heard(logging.Handler):
    """Formats a worker's log records as its own process would; all others go where they went before."""

    def __init__(self, others: list[logging.Handler], *, level: int) -> None:
        super().__init__()
        self._others = others or [each for each in [logging.lastResort] if each is not None]
        self._level_of_others = level

    def emit(self, record: logging.LogRecord) -> None:
        hearing = _hearing.get()
        if hearing is None:
            for other in self._others:
                if record.levelno >= max(self._level_of_others, other.level):
                    other.handle(record)
        elif record.levelno >= logging.WARNING or not record.name.startswith(CHATTY):
            hearing.hear(JsonFormatter(_fields.get()).format(record))
