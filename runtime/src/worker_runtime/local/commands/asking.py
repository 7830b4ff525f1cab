"""A person's yes before an effect that is hard to take back."""

from __future__ import annotations

import sys

import typer

from worker_runtime.local.commands.reporting import CommandFailed, Misuse, tell
from worker_runtime.local.commands.visible import visible


class Refused(CommandFailed):
    """The person said no, or went away instead of an answer."""


def ask(question: str, *, yes: bool) -> None:
    """Ask on the terminal and return on a yes; with ``yes`` (the option ``--yes``) ask nobody.

    Raises Refused on any other answer, KeyboardInterrupt on Ctrl-C, Misuse where stdin is no terminal: a
    script has to say ``--yes``, and what it pipes is no answer.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Misuse(f"{question} Nobody is there to be asked; say --yes.")
    try:
        agreed = typer.confirm(visible(question), err=True)
    except typer.Abort as abort:
        if isinstance(abort.__context__, KeyboardInterrupt):
            tell("workers: nothing was done.", style="red")
            raise KeyboardInterrupt from None
        agreed = False
    if not agreed:
        raise Refused("nothing was done.")
