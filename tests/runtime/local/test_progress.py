"""How far a long work is, for people and for machines."""

from __future__ import annotations

import io
from contextlib import redirect_stderr

from worker_runtime.local.commands.progress import progress
from worker_runtime.local.commands.reporting import Output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(screen: io.StringIO, *, as_json: bool = False, every_s: float = 0.0, known: bool = True) -> str:
    output = Output(io.StringIO(), as_json=as_json)
    total = 1200 if known else None
    with (
        redirect_stderr(screen),
        progress("fans", output=output, total=total, line_every_s=every_s) as advance,
    ):
        advance(1000)
        advance(200)
    return screen.getvalue()


def test_away_from_a_terminal_it_is_a_line_now_and_then() -> None:
    assert shown(io.StringIO()).splitlines() == ["fans: 1,000 of 1,200", "fans: 1,200 of 1,200"]
    assert shown(io.StringIO(), every_s=60) == ""


def test_where_nobody_knows_the_end_it_says_how_much_is_done() -> None:
    assert shown(io.StringIO(), known=False).splitlines() == ["fans: 1,000", "fans: 1,200"]


def test_a_terminal_gets_a_bar_that_makes_room_for_the_result() -> None:
    bar = shown(Terminal())

    assert "fans" in bar
    assert "1200/1200" in bar


def test_with_json_stderr_is_left_to_errors_but_for_a_person_at_a_terminal() -> None:
    assert shown(io.StringIO(), as_json=True) == ""
    assert "1200/1200" in shown(Terminal(), as_json=True)
