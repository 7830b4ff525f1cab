"""What anybody's data would have a terminal do is shown, not done."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr

import pytest

from worker_runtime.local.commands.reporting import Misuse, Output, complain, tell
from worker_runtime.local.commands.visible import visible

CLEAR = "\x1b[2J"
ORDERS = (CLEAR, "\r", "\x07", "\x7f", "\x9b2J", "\u202e", "\u2066")


@pytest.mark.parametrize("order", ORDERS, ids=ascii)
def test_what_a_terminal_would_obey_is_spelled_out_and_json_means_the_same(order: str) -> None:
    shown = visible(f"a{order}b")

    assert shown.isprintable()
    assert json.loads(visible(json.dumps(f"a{order}b", ensure_ascii=False))) == f"a{order}b"


def test_what_people_write_stays_as_it_is() -> None:
    text = "Zoë 春のライブ 👩\u200d👩\u200d👧 שלום\n\ta\\u001b"

    assert visible(text) == text


def test_half_of_a_character_as_names_of_files_have_it_can_be_written() -> None:
    assert visible("caf\udce9.avro").encode() == b"caf\\udce9.avro"


def test_whatever_a_command_says_is_shown() -> None:
    out, err = io.StringIO(), io.StringIO()
    output = Output(out, as_json=False)

    with redirect_stderr(err):
        output.text(f"1{CLEAR}")
        output.lines([(f"2{CLEAR}", "red")])
        output.table((f"3{CLEAR}", "b"), [[(f"4{CLEAR}", "bold"), ("a\nb", "")]])
        output.json({"5": CLEAR})
        tell(f"6{CLEAR}")
        complain(Misuse(f"7{CLEAR}"), as_json=False)
        complain(Misuse("8\x9b2J"), as_json=True)

    assert [f"{nth}\\u001b[2J" in out.getvalue() for nth in (1, 2, 3, 4)] == [True] * 4
    assert [f"{nth}\\u001b[2J" in err.getvalue() for nth in (6, 7)] == [True] * 2
    assert "8\\u009b2J" in err.getvalue()
    assert not {"\x1b", "\x9b"} & {*out.getvalue(), *err.getvalue()}
