"""For which record of a batch a call was made, and how that is known."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from diary import Diary, change, message, put, sent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[Diary]:
    with closing(Diary(tmp_path)) as made:
        yield made


@pytest.mark.parametrize(
    ("does", "known_by"),
    [
        (sent("s", correlationId="c-2"), "correlation"),
        (sent("s", {"order": "order-2"}), "key"),
        (put("ORDER#order-2"), "key"),
        (
            sent("s", deadLetterReason='{"recordId": "101", "worker": "w", "code": "X"}'),
            "named",
        ),
    ],
    ids=["correlation", "message", "item", "dead letter"],
)
def test_a_call_belongs_to_the_record_it_tells_of(diary: Diary, does: Any, known_by: str) -> None:
    records = [
        change(str(100 + at), {"correlationId": {"S": f"c-{1 + at}"}}, key=f"order-{1 + at}")
        for at in range(3)
    ]

    diary.invoke(*records, does=[does])

    assert diary.rows(
        "SELECT records.record, known_by FROM caused JOIN records ON records.id = caused.record"
    ) == [("101", known_by)]


def test_a_call_that_tells_of_no_record_is_the_batch_s(diary: Diary) -> None:
    diary.invoke(message("m-1"), message("m-2"), does=[sent("s-1", "whatever")])

    assert diary.rows("SELECT record, known_by, thing FROM caused") == [(None, None, "s-1")]


def test_a_call_outside_every_invocation_is_kept_as_nobody_s(diary: Diary) -> None:
    diary.note(sent("s-1")("never handed over"))

    assert diary.rows("SELECT invocation, thing FROM caused") == [(None, "s-1")]
