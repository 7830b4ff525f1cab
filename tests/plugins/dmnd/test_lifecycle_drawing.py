from __future__ import annotations

import re
from pathlib import Path

import pytest

from workers_dmnd.local.lifecycle_drawing import BEGINS, ENDS, diagram, redrawn, table
from workers_dmnd.transitions import TRANSITIONS

README = Path(__file__).parents[3] / "plugins/dmnd/README.md"
ARROW = re.compile(r"    (\[\*\]|[A-Z]+) --> (\[\*\]|[A-Z]+)(: [0-9a-z, ]+)?")


def test_the_readme_draws_the_life_of_a_notification_as_it_is() -> None:
    written = README.read_text(encoding="utf-8")

    assert written == redrawn(written), (
        "the README's drawing is not of today's transitions; mend it: "
        ".venv/bin/workers dmnd lifecycle --write plugins/dmnd/README.md"
    )


def test_the_diagram_is_made_of_plain_arrows_which_bear_the_numbers_of_the_table() -> None:
    heading, *lines = diagram().splitlines()

    assert heading == "stateDiagram-v2"
    assert all(ARROW.fullmatch(line) for line in lines)
    assert {"    [*] --> PENDING: 1", "    SENT --> PENDING: 13", "    RETRY --> RETRY: 11a"} <= set(lines)
    borne = {number for line in lines for number in line.partition(": ")[2].split(", ") if number}
    assert borne == {row.number for row in TRANSITIONS}


def test_the_table_has_a_row_for_each_transition_and_no_cell_breaks_it() -> None:
    rows = table().splitlines()

    assert len(rows) == 2 + len(TRANSITIONS)
    assert {row.count("|") for row in rows} == {7}


def test_what_stands_around_the_drawing_stays_and_drawing_twice_changes_nothing() -> None:
    once = redrawn(f"before\n{BEGINS}\nold\n{ENDS}\nafter\n")

    assert once.startswith(f"before\n{BEGINS}\n\n```mermaid\n")
    assert once.endswith(f"|\n\n{ENDS}\nafter\n")
    assert redrawn(once) == once


@pytest.mark.parametrize("document", ["nothing here", f"{BEGINS} and no end", f"{ENDS}{BEGINS}"])
def test_a_document_without_a_place_for_the_drawing_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match="no place for the drawing"):
        redrawn(document)
