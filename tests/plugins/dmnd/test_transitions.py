"""The table of a notification's life, read as a whole."""

from __future__ import annotations

from collections import Counter

import pytest

from workers_dmnd.models import Status
from workers_dmnd.moves import spellings
from workers_dmnd.transitions import FINAL, TRANSITIONS, Transition, Writer

MOVING = [row for row in TRANSITIONS if row.target is not None]


def number_of(row: Transition) -> str:
    return row.number


def reached_from(start: set[Status]) -> set[Status]:
    reached = set(start)
    while further := {row.target for row in MOVING if reached & set(row.sources)} - reached:
        reached |= {status for status in further if status is not None}
    return reached


def test_each_row_has_a_number_of_its_own() -> None:
    assert Counter(row.number for row in TRANSITIONS).most_common(1)[0][1] == 1


@pytest.mark.parametrize("row", TRANSITIONS, ids=number_of)
def test_each_row_says_whose_it_is_when_it_happens_and_what_it_does(row: Transition) -> None:
    assert row.writers
    assert row.guard
    assert row.effect


def test_every_status_comes_about() -> None:
    born = {row.target for row in TRANSITIONS if not row.sources}

    assert reached_from({status for status in born if status is not None}) == set(Status)


@pytest.mark.parametrize("status", sorted(set(Status) - FINAL))
def test_whatever_is_not_final_can_come_to_any_end(status: Status) -> None:
    ends = reached_from({status}) & FINAL

    assert ends == FINAL


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.SUPPRESSED])
def test_nothing_leads_out_of_what_is_settled(status: Status) -> None:
    assert [row for row in TRANSITIONS if status in row.sources] == []


def test_only_evidence_and_a_person_lead_out_of_an_end() -> None:
    leading_out = {row.number for row in TRANSITIONS if FINAL & set(row.sources)}

    assert leading_out == {"15", "16"}


def test_only_a_person_reopens() -> None:
    (reopening,) = (row for row in TRANSITIONS if Writer.OPERATOR in row.writers)

    assert (reopening.sources, reopening.target) == ((Status.FAILED,), Status.RETRY)


@pytest.mark.parametrize("status", Status)
def test_each_word_that_stands_for_a_status_is_read_as_that_status(status: Status) -> None:
    words = spellings([status])

    assert {Status(word) for word in words} == {status}
    assert {status.value, status.value.lower()} <= set(words)


def test_scheduled_is_an_older_word_for_created() -> None:
    assert Status("scheduled") is Status.CREATED
    assert "scheduled" in spellings([Status.CREATED, Status.RETRY])
    assert "scheduled" not in spellings([Status.PENDING])


@pytest.mark.parametrize("word", ["SCHEDULED", "", "sending ", "sent!"])
def test_a_word_that_nobody_wrote_is_no_status(word: str) -> None:
    with pytest.raises(ValueError, match="not a valid Status"):
        Status(word)
