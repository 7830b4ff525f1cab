"""Fits a drawn tree to a terminal: ids in short, long lines broken between words, below their branch."""

from __future__ import annotations

import re
from textwrap import wrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Line = tuple[str, str]

_NARROWEST: Final = 30  # below, a branch leaves no room, and the terminal itself may break its lines
_BRANCHES: Final = re.compile(r"[│├└─ ]*")
_UUID: Final = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")


def fit(lines: Sequence[Line], *, width: int) -> list[Line]:
    """Make no line longer than ``width`` where it can be helped; ids keep a beginning that finds them."""
    if all(len(text) <= width for text, _ in lines):
        return list(lines)
    short = [(_UUID.sub(r"\1", text), style) for text, style in lines]
    below = [*(text for text, _ in short[1:]), ""]
    return [
        (broken, style)
        for (text, style), next_text in zip(short, below, strict=True)
        for broken in _broken(text, next_text, width=width)
    ]


def _broken(text: str, next_text: str, *, width: int) -> Iterator[str]:
    """Break a line; where its tree goes on, so do the branches beside and below it."""
    found = _BRANCHES.match(text)
    branches = found.group() if found else ""
    beside = branches.replace("├─", "│ ").replace("└─", "  ")
    goes_on = next_text[len(beside) : len(beside) + 1]
    own = "│  " if goes_on and goes_on in "│├└" else "   "
    yield from wrap(
        text[len(branches) :],
        width=max(width, len(beside) + len(own) + _NARROWEST),
        initial_indent=branches,
        subsequent_indent=f"{beside}{own}",
        break_long_words=False,
        break_on_hyphens=False,
    ) or [text]
