"""How the command speaks: results on stdout, all else on stderr, an error in one line.

While a command works, ``sys.stdout`` is stderr: what plugins and the runtime print never mixes with
a result. Colour is for terminals; ``NO_COLOR`` is heeded. An error says who, what and the cure; its class
is for machines (``kind``), and for people only where a worker raised it, as Lambda would name it.
Whatever is said may quote files, queues and tables of anybody's, so all of it is made ``visible`` here.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, Final, TextIO

import msgspec
import typer

from worker_runtime.errors import (
    AmbiguousWorker,
    SettingsError,
    UnknownWorker,
    UnrecognisedEvent,
    WorkerRuntimeError,
)
from worker_runtime.local.commands.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

FAILED: Final = 1
MISUSED: Final = 2
PIPED_WIDTH: Final = 240  # nobody sees where a pipe would wrap

_CALLED_WRONGLY: Final = (SettingsError, UnknownWorker, AmbiguousWorker, UnrecognisedEvent)


class CommandFailed(WorkerRuntimeError):
    """A command could not do what it was asked; a class derived from it names what it lacked."""


class Misuse(WorkerRuntimeError):
    """The command was called with something it cannot use."""


class Output:
    """Where a command's result goes: stdout as it was before the command began."""

    def __init__(self, stream: TextIO, *, as_json: bool) -> None:
        self._stream = stream
        self.as_json = as_json

    @property
    def width(self) -> int | None:
        """Columns of the terminal that the result goes to; None where it goes elsewhere."""
        return _console(self._stream).width if self._stream.isatty() else None

    @property
    def watched(self) -> bool:
        """Whether somebody reads what is told on the way: with ``--json`` a person at a terminal alone."""
        return not self.as_json or sys.stderr.isatty()

    def json(self, value: Any) -> None:
        """Write plain data: one line with ``--json``, else indented for people."""
        encoded = msgspec.json.encode(value)
        self.text((encoded if self.as_json else msgspec.json.format(encoded)).decode())

    def text(self, text: str) -> None:
        """Write text, with a line break at its end."""
        self._stream.write(visible(text if text.endswith("\n") else f"{text}\n"))
        self._stream.flush()  # the command may have more to do, for as long as somebody likes

    def lines(self, lines: Sequence[tuple[str, str]]) -> None:
        """Write lines of (text, style)."""
        from rich.text import Text  # noqa: PLC0415 - JSON needs none

        console = _console(self._stream)
        for text, style in lines:
            console.print(Text(visible(text), style=style), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[tuple[str, str]]]) -> None:
        """Write a table of (text, style) cells, or where it is too wide a block of lines for each row."""
        from worker_runtime.local.commands.tables import print_table  # noqa: PLC0415 - JSON needs none

        cells = [[(visible(text), style) for text, style in row] for row in rows]
        print_table(_console(self._stream), [visible(each) for each in columns], cells)


@contextmanager
def answering(*, as_json: bool = False) -> Iterator[Output]:
    """Run a command's body; what it raises becomes one line on stderr and the exit code."""
    output = Output(sys.stdout, as_json=as_json)
    try:
        with redirect_stdout(sys.stderr):
            yield output
    except WorkerRuntimeError as error:
        complain(error, as_json=as_json)
        raise typer.Exit(MISUSED if isinstance(error, (Misuse, *_CALLED_WRONGLY)) else FAILED) from None


def complain(error: Exception, *, as_json: bool, raised_by: str = "") -> None:
    """Say on stderr, in one line, what is wrong; of what a worker raised also which, under its class name."""
    kind, message = type(error).__name__, " ".join(str(error).split())
    if as_json:
        said = {"error": {"kind": kind, "message": message}}
        sys.stderr.write(visible(msgspec.json.encode(said).decode()) + "\n")
    elif raised_by:
        tell(f"workers: {raised_by} raised {': '.join(filter(None, (kind, message)))}", style="red")
    else:
        tell(f"workers: {message}", style="red")


def tell(text: str, *, style: str = "") -> None:
    """Write one line to stderr, for the person who waits."""
    from rich.text import Text  # noqa: PLC0415 - JSON needs none

    _console(sys.stderr).print(Text(visible(text), style=style), soft_wrap=True)


def counted(many: int, thing: str) -> str:
    """Word how many there are of a thing: ``1 event``, ``1,204 events``."""
    return f"{many:,} {thing}" if many == 1 else f"{many:,} {thing}s"


def examples(*lines: str) -> str:
    """Word the examples that stand under a command's help; one of over 78 characters is broken there."""
    return "\n\n".join(("Examples:", *(f"  {line}" for line in lines)))


def _console(stream: TextIO) -> Console:
    from rich.console import Console  # noqa: PLC0415 - JSON needs none

    return Console(file=stream, highlight=False, width=None if stream.isatty() else PIPED_WIDTH)
