"""Numbers under headings, each line beginning with whose they are: they fit the terminal, none is cut off."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PLAIN_WIDTH: Final = 100
"""How wide lines are where there is no terminal to fit."""

_GAPS: Final = (2, 1)  # the wider where it fits
_INDENT: Final = "  "


def number_lines(
    of: str, headings: Sequence[str], rows: Mapping[str, Sequence[str]], *, width: int
) -> list[str]:
    """Lay out the headings and a line a row; where that is too wide, numbers stand under the names."""
    names = [of, *rows]
    numbers = _aligned([headings, *rows.values()])
    longest = max(map(len, names))
    for gap in _GAPS:
        lines = [
            (" " * gap).join((name.ljust(longest), *cells))
            for name, cells in zip(names, numbers, strict=True)
        ]
        if len(lines[0]) <= width:
            return lines
    return [
        line for name, cells in zip(names, numbers, strict=True) for line in (name, _INDENT + " ".join(cells))
    ]


def terminal_width() -> int:
    """Say how wide this process's terminal is."""
    return shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns


def _aligned(rows: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    columns = [[cell.rjust(max(map(len, column))) for cell in column] for column in zip(*rows, strict=True)]
    return list(zip(*columns, strict=True))
