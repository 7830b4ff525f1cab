"""Dead letters in a lineage: of which record they are, and its way on when they are sent back."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from diary import WORKER, Diary, change, message, printed, sent
from traced import made, traced, tries, way
from worker_runtime.local.stage.lineage.drawing import draw
from worker_runtime.local.stage.lineage.happenings import GivenUp, SentBack
from worker_runtime.local.stage.lineage.late_notes import note_sent_back
from worker_runtime.local.stage.lineage.told import Try, Way
from worker_runtime.local.stage.polling.batches import BatchFailed, SomeFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[Diary]:
    with closing(Diary(tmp_path)) as made:
        yield made


def test_a_dead_letter_s_way_goes_on_when_it_is_sent_back(diary: Diary) -> None:
    reason = '{"recordId": "m-1", "worker": "shop.ship", "code": "REFUSED"}'
    diary.invoke(
        message("m-1"),
        does=[
            printed("rejected", record_id="m-1", outcome="dlq", reason="REFUSED"),
            sent("letter-1", queue="orders-dlq", deadLetterReason=reason),
        ],
    )
    diary.note(SentBack("letter-1", WORKER, ["m-9"]))
    diary.invoke(message("m-9"))

    first, again = way(diary, "m-1"), way(diary, "m-9")

    (letter,) = made(first)
    assert letter.kind == "letter"
    assert letter.sent_back_as[0].way is not None
    assert tries(letter.sent_back_as[0].way)[0].outcome == "done"
    assert [(cause.how, cause.thing) for cause in again.came_from] == [("sent back", "letter-1")]
    assert traced(diary, "letter-1").found == (first,)


def test_a_letter_that_another_process_sends_back_is_told_too(diary: Diary) -> None:
    reason = '{"recordId": "m-1", "worker": "shop.ship", "code": "REFUSED"}'
    diary.invoke(message("m-1"), does=[sent("letter-1", deadLetterReason=reason)])
    variables = {"WORKER_STAGE": str(diary.file.parent), "WORKER_CLOCK": "20@1700000000"}

    note_sent_back(variables, "letter-1", WORKER, ["m-2"])
    diary.invoke(message("m-2"))

    assert [(cause.how, cause.thing) for cause in way(diary, "m-2").came_from] == [("sent back", "letter-1")]


def test_where_no_stage_is_named_nothing_is_noted_of_what_is_sent_back(tmp_path: Path) -> None:
    note_sent_back({}, "letter-1", WORKER, ["m-2"])
    note_sent_back({"WORKER_STAGE": str(tmp_path)}, "letter-1", WORKER, ["m-2"])

    assert list(tmp_path.iterdir()) == []


def test_what_the_queue_itself_dead_letters_keeps_its_id(diary: Diary) -> None:
    record = message("m-1", receives=3)
    diary.invoke(record, reading=SomeFailed(frozenset({"m-1"})))
    diary.note(GivenUp(WORKER, [record], "MaxReceives", to="orders-dlq"))
    diary.note(SentBack("m-1", WORKER, ["m-2"]))
    diary.invoke(message("m-2"))

    steps = [event for event in way(diary, "m-1").events if not isinstance(event, Try)]
    (back,) = steps[0].sent_back_as

    assert back.thing == "m-2"
    assert way(diary, "m-2").came_from[0].thing == "m-1"


def test_a_change_that_is_sent_back_is_no_cause_of_itself(diary: Diary) -> None:
    record = change("100", {}, key="k-1")
    diary.invoke(record, reading=BatchFailed("raised", raised=True))
    diary.note(GivenUp(WORKER, [record], "RetryAttemptsExhausted", letter="letter-1"))
    diary.note(SentBack("letter-1", WORKER, ["100"]))

    told = way(diary, "100")
    drawn = [text for text, _ in draw(traced(diary, "100"), all_lines=False)]

    steps = [event for event in told.events if not isinstance(event, Try)]
    assert [back.thing for step in steps for back in step.sent_back_as] == ["100"]
    assert told.came_from == ()
    assert [line for line in drawn if "sent back" in line] == [drawn[-1]]
    assert "(+0.00 s)" in drawn[1]


def test_metadata_of_a_stream_is_sent_back_as_its_records(diary: Diary) -> None:
    records = [change("100", {}, key="k-1"), change("101", {}, key="k-2")]
    diary.invoke(*records, reading=BatchFailed("raised", raised=True))
    diary.note(GivenUp(WORKER, records, "RetryAttemptsExhausted", letter="letter-1"))
    diary.note(SentBack("letter-1", WORKER, ["100", "101"]))
    diary.invoke(*records)

    told = traced(diary, "letter-1")

    ways = [each for each in told.found if isinstance(each, Way)]
    assert [each.record for each in ways] == ["100", "101"]
    assert [[tried.done for tried in tries(each)] for each in ways] == [[False, True], [False, True]]
