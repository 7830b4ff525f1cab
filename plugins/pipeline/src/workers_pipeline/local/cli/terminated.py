"""SIGTERM for a command that keeps how far it is: the same stop as Ctrl-C, with its own exit code."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Never

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_CODE: Final = 143  # as shells have it


class Terminated(KeyboardInterrupt):
    """The command is asked to end; like Ctrl-C, it passes whatever handles errors."""


@contextmanager
def terminable() -> Iterator[None]:
    """Unwind the body on SIGTERM and exit with 143, unless the signal is ignored; for the main thread."""
    former = signal.getsignal(signal.SIGTERM)
    if former is signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    except Terminated:
        raise typer.Exit(EXIT_CODE) from None
    finally:
        signal.signal(signal.SIGTERM, former)


def _stop(*_: object) -> Never:
    raise Terminated
