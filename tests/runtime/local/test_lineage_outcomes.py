"""What a lineage says of the records of an invocation: done or not, and in the worker's own words."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from diary import WORKER, Diary, change, message, printed
from staged import failed
from worker_runtime.local.stage.execution.answers import Reply, Throttled, crashed
from worker_runtime.local.stage.execution.invocations import Report
from worker_runtime.local.stage.lineage.happenings import Ended, HandedOver
from worker_runtime.local.stage.polling.batches import AllDone, BatchFailed, SomeFailed, read_reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ATTEMPTS = (
    "SELECT records.record, done, outcome, reason FROM records JOIN attempts ON attempts.record = records.id"
    " ORDER BY invocation, records.id"
)


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[Diary]:
    with closing(Diary(tmp_path)) as made:
        yield made


def test_the_worker_s_own_words_are_a_record_s_outcome(diary: Diary) -> None:
    records = [message(f"m-{at}") for at in range(5)]
    words = {"m-1": "skipped", "m-2": "deferred", "m-3": "rejected", "m-4": "not started"}

    diary.invoke(
        *records,
        does=[
            *(printed(word, record_id=name, outcome="x", reason="why") for name, word in words.items()),
            printed("5 records", outcomes={}),
        ],
        reading=SomeFailed(frozenset({"m-4"})),
    )

    assert diary.rows(ATTEMPTS) == [
        ("m-0", 1, "done", None),
        ("m-1", 1, "skip", "why"),
        ("m-2", 1, "defer", "why"),
        ("m-3", 1, "reject", "why"),
        ("m-4", 0, "unstarted", "why"),
    ]


def test_a_queue_s_records_are_done_one_by_one(diary: Diary) -> None:
    reading = read_reply(str(failed("m-1")).replace("'", '"').encode(), ids={"m-0", "m-1", "m-2"})

    diary.invoke(*(message(f"m-{at}") for at in range(3)), reading=reading)

    assert diary.rows(ATTEMPTS) == [
        ("m-0", 1, "done", None),
        ("m-1", 0, "retry", None),
        ("m-2", 1, "done", None),
    ]


def test_a_stream_is_done_up_to_its_first_failure(diary: Diary) -> None:
    records = [change(str(at), {}, key=f"k-{at}") for at in (100, 101, 102)]

    diary.invoke(*records, reading=SomeFailed(frozenset({"101"})))

    assert [done for _, done, *_ in diary.rows(ATTEMPTS)] == [1, 0, 0]


def test_of_a_crash_nobody_knows_what_the_worker_did(diary: Diary) -> None:
    end = crashed("request-1", exit_code=-9, started=True)

    diary.invoke(message("m-1"), answer=end, reading=BatchFailed("crashed", raised=True))

    assert diary.rows(ATTEMPTS) == [("m-1", 0, None, None)]
    ((answer, error, reading),) = diary.rows("SELECT answer, error, reading FROM invocations")
    assert (answer, reading) == ("crashed", "all failed")
    assert "killed" in error


def test_an_invocation_that_others_saw_running_ends_as_any_other(diary: Diary) -> None:
    records = [message(f"m-{at}") for at in range(3)]
    diary.note(HandedOver(WORKER, "slow", records))
    diary.note(printed("skipped", record_id="m-0", outcome="x", reason="early")("slow"))
    assert diary.rows("SELECT ended_at, answer FROM invocations") == [(None, None)]
    assert diary.rows(ATTEMPTS) == [
        ("m-0", None, "skip", "early"),
        *((f"m-{at}", None, None, None) for at in (1, 2)),
    ]

    diary.note(printed("rejected", record_id="m-1", outcome="x", reason="late")("slow"))
    diary.note(Ended(WORKER, "slow", Report(request_id="slow", answer=Reply(b"{}")), AllDone()))

    assert diary.rows("SELECT answer, reading FROM invocations") == [("reply", "all done")]
    assert diary.rows(ATTEMPTS) == [
        ("m-0", 1, "skip", "early"),
        ("m-1", 1, "reject", "late"),
        ("m-2", 1, "done", None),
    ]


def test_throttles_in_a_row_are_one_step_and_no_invocation(diary: Diary) -> None:
    for _ in range(3):
        diary.invoke(message("m-1"), answer=Throttled(), reading=BatchFailed("throttled", raised=True))

    assert diary.rows("SELECT count(*) FROM invocations") == [(0,)]
    assert diary.rows("SELECT kind, detail FROM steps") == [("throttled", "3")]


def test_a_throttled_invocation_that_others_saw_is_taken_back(diary: Diary) -> None:
    diary.note(HandedOver(WORKER, "throttled", [message("m-1")]))
    assert diary.rows("SELECT count(*) FROM attempts") == [(1,)]

    diary.note(Ended(WORKER, "throttled", Report(request_id="throttled", answer=Throttled())))

    assert diary.rows("SELECT count(*) FROM attempts") == [(0,)]
    assert diary.rows("SELECT count(*) FROM invocations") == [(0,)]
    assert diary.rows("SELECT kind FROM steps") == [("throttled",)]
