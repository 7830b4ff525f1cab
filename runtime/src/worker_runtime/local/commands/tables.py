"""Tables for people: what is a word stays whole, so that an id can be copied from any terminal.

Cells break between words. Where not even the longest words fit beside each other, each row is a block
of lines instead, a cell a line, which the terminal itself wraps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich import box
from rich.cells import cell_len
from rich.console import Group
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    Rows = Sequence[Sequence[tuple[str, str]]]

_UNBOUNDED: Final = 100_000


def print_table(console: Console, columns: Sequence[str], rows: Rows) -> None:
    """Print rows of (text, style) cells as wide as the console at most, or as blocks."""
    seen = console.is_terminal  # a pipe needs no rules and no blanks behind the last word
    table = Table(*columns, box=box.SIMPLE if seen else None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(Text(text, style=style) for text, style in row))
    cells = [list(each) for each in zip(columns, *([text for text, _ in row] for row in rows), strict=True)]
    longest = [max(cell_len(line) for cell in column for line in cell.split("\n")) for column in cells]
    words = [max(map(cell_len, " ".join(column).split()), default=0) for column in cells]
    unbounded = Measurement.get(console, console.options.update(max_width=_UNBOUNDED), table)
    room = console.width - (unbounded.maximum - sum(longest))
    if sum(words) > room:
        console.print(_blocks(columns, rows), soft_wrap=True)
        return
    for column, width in zip(table.columns, _narrowed(longest, words, room), strict=True):
        column.width = width
    if seen:
        console.print(table)
        return
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().splitlines():
        console.print(Text(line.rstrip()), soft_wrap=True)


def _narrowed(longest: list[int], words: list[int], room: int) -> list[int]:
    """Take from the widest column that has anything to give until all fit."""
    widths = list(longest)
    while sum(widths) > room:
        giving = [at for at, width in enumerate(widths) if width > words[at]]
        widths[max(giving, key=widths.__getitem__)] -= 1
    return widths


def _blocks(columns: Sequence[str], rows: Rows) -> Group:
    width = max(map(cell_len, columns))
    lines = []
    for row in rows:
        for name, (text, style) in zip(columns, row, strict=True):
            told = text.replace("\n", "\n" + " " * (width + 2))
            lines.append(Text.assemble((name.ljust(width + 2), "bold"), (told, style)))
        lines.append(Text())
    return Group(*lines)
