"""The scenario's ledger finds whatever is not as it has to be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from workers_pipeline.local.reading import DeliveredFile
from workers_pipeline.local.warehouse.cast import CANARY_PHONE, Part, Story, draw_cast
from workers_pipeline.local.warehouse.ledger import MENDED, UNACCOUNTED, Letter, Seen, judge

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAST = draw_cast(1, items=24, poison=False)
REMOVED = next(part for part in CAST if part.story is Story.REMOVED)
EDITED = next(part for part in CAST if part.story is Story.EDITED)
LEFT_OUT = next(part for part in CAST if part.story is Story.CONFIRMATION)


def rows_due(part: Part) -> list[dict[str, Any]]:
    """Write the rows that an item has to have."""
    return [
        {
            "change_id": f"{part.name}-{nth}",
            "change_type": "MODIFY",
            "changed_at_ms": round(NOON.timestamp() * 1000) + nth,
            "deleted": part.story is Story.REMOVED and nth == len(part.states) - 1,
            "pk": state["PK"],
            "sk": state["SK"],
            "version": state["version"],
            "status_id": state["status"]["id"],
            "created_at": state["createdAt"],
        }
        for nth, state in enumerate(part.states)
    ]


def seen(cast: list[Part], **changes: Any) -> Seen:
    rows = [row for part in cast for row in rows_due(part)]
    letters = [Letter("SCHEMA_VIOLATION", part.name) for part in cast if part.mending]
    file = DeliveredFile("data-pipeline/avro/sale/partition_date=2026-03-01/x.avro", rows)
    return replace(Seen(files=[file], letters=letters), **changes)


def changed(what: Part, **changes: Any) -> Seen:
    """Show the last row of an item otherwise than it has to be."""
    found = seen(CAST)
    rows = [row for row in found.files[0].rows if row["pk"] == what.name]
    rows[-1].update(changes)
    return found


def problems(outcome: Any) -> list[tuple[str, str]]:
    return [(finding.item, finding.problem) for finding in outcome.findings]


@pytest.mark.parametrize("poison", [False, True])
def test_a_job_that_was_done_holds(poison: bool) -> None:
    cast = draw_cast(1, items=24, poison=poison)

    outcome = judge(cast, seen(cast))

    assert outcome.holds
    assert sum(outcome.endings.values()) == 24
    assert outcome.endings.get(MENDED, 0) == (2 if poison else 0)


def test_rows_that_come_twice_are_told_apart_by_their_change() -> None:
    found = seen(CAST)

    outcome = judge(CAST, replace(found, files=[*found.files, *found.files]))

    assert outcome.holds
    rows = len(found.files[0].rows)
    assert outcome.remarks[0].startswith(f"{2 * rows} rows of {rows} changes, in the partitions 2026-03-01")


def test_a_change_that_is_in_no_file_is_found() -> None:
    found = seen(CAST)
    found.files[0].rows.remove(next(row for row in found.files[0].rows if row["pk"] == EDITED.name))

    outcome = judge(CAST, found)

    assert problems(outcome) == [(EDITED.name, "has 2 rows, due are 3")]
    assert outcome.endings[UNACCOUNTED] == 1


def test_a_confirmation_that_was_delivered_is_found() -> None:
    row = {**rows_due(EDITED)[0], "pk": LEFT_OUT.name, "sk": "NTF", "change_id": "c"}
    found = seen(CAST)
    found.files[0].rows.append(row)

    assert problems(judge(CAST, found)) == [(LEFT_OUT.name, "has 1 rows, due are 0")]


@pytest.mark.parametrize(
    ("part", "changes", "problem"),
    [
        (EDITED, {"status_id": "OPEN"}, "status_id is 'OPEN' in change ~, due is 'DONE'"),
        (EDITED, {"deleted": True}, "is deleted in the last row, or is not, and the table says otherwise"),
        (REMOVED, {"deleted": False}, "is deleted in the last row, or is not, and the table says otherwise"),
    ],
)
def test_a_row_that_tells_something_else_is_found(part: Part, changes: dict[str, Any], problem: str) -> None:
    ((item, told),) = problems(judge(CAST, changed(part, **changes)))

    before, _, after = problem.partition("~")
    assert item == part.name
    assert told.startswith(before)
    assert told.endswith(after)


def test_a_row_in_the_partition_of_another_day_is_found() -> None:
    ((item, problem),) = problems(judge(CAST, changed(EDITED, changed_at_ms=1_772_409_600_000)))

    assert item.endswith("x.avro")
    assert problem.endswith("of 2026-03-02")


def test_personal_data_in_a_file_is_found() -> None:
    found = changed(EDITED, extra_json=f'{{"notes":"{CANARY_PHONE}"}}')

    assert {problem for _, problem in problems(judge(CAST, found))} == {
        "has personal data in it: +121…",
        "has personal data in it: 1212…",
    }


def test_an_item_that_nobody_wrote_is_found() -> None:
    found = seen(CAST)
    found.files[0].rows.append({**rows_due(EDITED)[0], "pk": "EVENT#stranger", "change_id": "c"})

    assert problems(judge(CAST, found)) == [("EVENT#stranger", "is in a file, and nobody wrote it")]


def test_poison_that_was_never_a_dead_letter_is_found() -> None:
    cast = draw_cast(1, items=24, poison=True)

    outcome = judge(cast, seen(cast, letters=[]))

    assert [problem for _, problem in problems(outcome)] == ["was put broken and was never a dead letter"] * 2


def test_a_dead_letter_of_a_sound_item_is_found() -> None:
    outcome = judge(CAST, seen(CAST, letters=[Letter("UNDECODABLE", EDITED.name)]))

    assert problems(outcome) == [(EDITED.name, "is a dead letter (UNDECODABLE), and was never broken")]


def test_a_stage_that_did_not_come_to_rest_is_found() -> None:
    assert problems(judge(CAST, seen(CAST, idle=False))) == [("the stage", "had not come to rest in time")]


def test_the_same_seed_draws_the_same_items_and_another_one_others() -> None:
    assert draw_cast(1, items=24, poison=True) == draw_cast(1, items=24, poison=True)
    assert draw_cast(1, items=24, poison=False) != draw_cast(2, items=24, poison=False)
