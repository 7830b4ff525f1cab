"""Tables of commands in terminals of any width: an id is never broken."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from worker_runtime.local.commands.tables import print_table

COLUMNS = ("queue", "record", "error")
QUEUE, RECORD = "event-short-url-dlq", "059f36b4-87a3-44ab-83d2-661975040000"
ROW = [(QUEUE, ""), (RECORD, "bold"), ("the link is not https\nand on no allowed host", "red")]


def printed(*, width: int, rows: list[list[tuple[str, str]]] | None = None, piped: bool = False) -> list[str]:
    written = io.StringIO()
    console = Console(file=written, width=width, force_terminal=not piped, color_system=None)
    print_table(console, COLUMNS, [ROW] if rows is None else rows)
    return written.getvalue().splitlines()


def test_a_table_is_as_wide_as_its_cells_where_there_is_room() -> None:
    heading, _, first, second = (line for line in printed(width=200) if line.strip())

    assert heading.split() == list(COLUMNS)
    assert first.split() == [QUEUE, RECORD, "the", "link", "is", "not", "https"]
    assert second.strip() == "and on no allowed host"


def test_a_pipe_gets_a_line_a_row_without_rules_and_without_blanks_at_its_end() -> None:
    row = [(QUEUE, ""), (RECORD, "bold"), ("gone", "red")]

    heading, line = printed(width=240, rows=[row], piped=True)

    assert heading.split() == list(COLUMNS)
    assert line.split() == [QUEUE, RECORD, "gone"]
    assert [heading, line] == [heading.rstrip(), line.rstrip()]


@pytest.mark.parametrize("width", [80, 85])
def test_cells_are_broken_between_words_to_fit(width: int) -> None:
    lines = printed(width=width)

    assert max(map(len, lines)) <= width
    assert any(line.split()[:2] == [QUEUE, RECORD] for line in lines)


@pytest.mark.parametrize("width", [60, 40, 10])
def test_rows_are_blocks_where_not_even_the_words_fit_beside_each_other(width: int) -> None:
    lines = printed(width=width, rows=[ROW, ROW])

    assert (
        lines
        == [
            f"queue   {QUEUE}",
            f"record  {RECORD}",
            "error   the link is not https",
            "        and on no allowed host",
            "",
        ]
        * 2
    )


def test_a_table_without_rows_is_its_heading() -> None:
    heading, _ = (line for line in printed(width=80, rows=[]) if line.strip())

    assert heading.split() == list(COLUMNS)
