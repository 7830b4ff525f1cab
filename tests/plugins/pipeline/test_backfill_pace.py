"""How far a backfill is, for people and for machines."""

from __future__ import annotations

import io
from contextlib import redirect_stderr

from worker_runtime.local.commands.progress import status
from worker_runtime.local.commands.reporting import Output
from workers_pipeline.local.backfill.pace import Pace


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(screen: io.StringIO, *, as_json: bool = False, every_s: float = 0.0) -> str:
    output = Output(io.StringIO(), as_json=as_json)
    with redirect_stderr(screen), status(output, line_every_s=every_s) as show:
        pace = Pace(changes=1_000, of=4_000, files=1, of_files=3, show=show)
        pace.see(changes=1_000, files=1)
        pace.wait("SlowDown", pause_s=4.0)
    return screen.getvalue()


def test_away_from_a_terminal_it_is_a_line_now_and_then() -> None:
    done, waiting = told(io.StringIO()).splitlines()

    assert done.startswith("2,000 of 4,000 changes, 2 of 3 files, ")
    assert done.endswith("/s")
    assert waiting.endswith("/s; again in 4 s: SlowDown")
    assert told(io.StringIO(), every_s=60) == ""


def test_a_terminal_has_a_line_that_changes() -> None:
    assert "2,000 of 4,000 changes" in told(Terminal(), every_s=60)


def test_with_json_stderr_is_left_to_errors_but_for_a_person_at_a_terminal() -> None:
    assert told(io.StringIO(), as_json=True) == ""
    assert "2,000 of 4,000 changes" in told(Terminal(), as_json=True)


def test_one_of_anything_is_one() -> None:
    pace = Pace(changes=0, of=1, files=0, of_files=1, show=lambda _: None)
    unknown = Pace(changes=1, of=None, files=0, of_files=1, show=lambda _: None)

    assert str(pace).startswith("0 of 1 change, 0 of 1 file, ")
    assert str(unknown).startswith("1 change, ")


def test_where_nobody_knows_the_end_it_says_how_much_is_done() -> None:
    pace = Pace(changes=0, of=None, files=0, of_files=1, show=lambda _: None)

    pace.see(changes=5, files=1)

    assert str(pace).startswith("5 changes, 1 of 1 file, ")
