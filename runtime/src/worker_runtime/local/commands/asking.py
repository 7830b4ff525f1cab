"""A person's yes before an effect that is hard to take back."""

from __future__ import annotations

import sys

import typer

from worker_runtime.local.commands.reporting import Misuse


def agreed(question: str, *, yes: bool) -> bool:
    """Ask on the terminal and return the answer; with ``yes`` (the option ``--yes``) ask nobody.

    Raises Misuse where stdin is no terminal: a script has to say ``--yes``, and what it pipes is no answer.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise Misuse(f"{question} Nobody is there to be asked; say --yes.")
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        return False
