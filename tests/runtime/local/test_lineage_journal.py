"""The journal of a stage: what is kept of what happens, in which rows, and that it costs nobody his work."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any, get_args

import pytest

from diary import WORKER, Diary, change, message
from worker_runtime.clock import SteppedClock
from worker_runtime.filters import compile_filters
from worker_runtime.local.stage.lineage.happenings import (
    AccidentKind,
    Checkpointed,
    Deleted,
    EventHandedOver,
    GivenUp,
    HandedOver,
    Received,
    Refused,
    Split,
    Waiting,
)
from worker_runtime.local.stage.lineage.schema import LineageUnreadable, open_to_read, open_to_write
from worker_runtime.local.stage.lineage.sqlite_journal import SqliteJournal
from worker_runtime.local.stage.polling.batches import BatchFailed
from worker_runtime.local.stage.polling.staged_records import staged

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


def test_a_record_is_kept_once_however_often_it_comes(diary: Diary) -> None:
    first, again = message("m-1", "hello"), message("m-1", "hello", receives=2)

    diary.note(Received(WORKER, [first]))
    diary.invoke(first, reading=BatchFailed("no", raised=True))
    diary.invoke(again)

    assert diary.rows("SELECT worker, record, body FROM records") == [(WORKER, "m-1", "hello")]
    assert diary.rows("SELECT receives, done FROM attempts ORDER BY invocation") == [(1, 0), (2, 1)]


def test_a_stream_that_two_workers_read_has_a_record_for_each(diary: Diary) -> None:
    record = change("100", {"n": {"N": "1"}}, key="order-1")

    diary.invoke(record, worker="shop.bill")
    diary.invoke(record, worker="shop.ship")

    assert diary.rows("SELECT worker, item_table, item FROM records ORDER BY id") == [
        ("shop.bill", "orders", "order-1 meta"),
        ("shop.ship", "orders", "order-1 meta"),
    ]


def test_what_was_seen_long_ago_keeps_its_row(diary: Diary) -> None:
    diary.note(Received(WORKER, [message("m-1")]))
    for start in range(0, 25_000, 5_000):
        diary.note(Received(WORKER, [message(f"n-{start + at}") for at in range(5_000)]))

    diary.invoke(message("m-1", receives=2))

    assert diary.rows("SELECT count(*) FROM records") == [(25_001,)]
    assert diary.rows("SELECT record, receives FROM attempts") == [(1, 2)]


def test_what_no_filter_takes_is_kept_with_the_reason(diary: Diary) -> None:
    filters = compile_filters([{"body": {"kind": ["order"]}}], data_key="body")

    diary.note(Refused(WORKER, [message("m-1", {"kind": "parcel"})], filters))

    ((refused,),) = diary.rows("SELECT refused FROM records")
    assert "body.kind" in refused
    assert '"parcel"' in refused


def test_each_step_of_a_record_is_kept(diary: Diary) -> None:
    records = [message("m-1"), message("m-2")]
    diary.invoke(*records)

    diary.note(Waiting(WORKER, records[:1], 1_700_000_030.0, "visibility"))
    diary.note(Split(WORKER, records, [1, 1]))
    diary.note(GivenUp(WORKER, records[1:], "RetryAttemptsExhausted", letter="letter-1"))
    diary.note(Deleted(WORKER, records[:1]))
    diary.note(Checkpointed(WORKER, "shard-1", "100"))
    diary.note(Checkpointed(WORKER, "shard-1", "200"))

    told = diary.rows(
        "SELECT records.record, kind, until, detail, letter FROM steps"
        " JOIN records ON records.id = steps.record ORDER BY steps.id"
    )
    assert told == [
        ("m-1", "waits", 1_700_000_030.0, "visibility", None),
        ("m-1", "split", None, "1 + 1", None),
        ("m-2", "split", None, "1 + 1", None),
        ("m-2", "given up", None, "RetryAttemptsExhausted", "letter-1"),
        ("m-1", "deleted", None, None, None),
    ]
    assert diary.rows("SELECT shard, sequence FROM checkpoints") == [("shard-1", "200")]


def test_an_event_is_known_by_its_own_id_and_tried_under_one_request(diary: Diary) -> None:
    tick = (
        b'{"id": "tick-1", "detail-type": "Scheduled Event", "source": "aws.events", "resources": ["arn:r"]}'
    )

    diary.note(EventHandedOver(WORKER, "request-1", tick))
    diary.note(Waiting(WORKER, "request-1", 1_700_000_060.0, "retry"))

    assert diary.rows("SELECT record, source FROM records") == [("tick-1", "arn:r")]


def test_times_are_the_stage_s_and_the_machine_s(diary: Diary) -> None:
    diary.clock.sleep(3_600)

    diary.invoke(message("m-1"))

    ((at, wall),) = diary.rows("SELECT at, wall FROM records")
    assert at == 1_700_003_600.0
    assert wall > 1_700_003_600.0


def test_a_happening_that_cannot_be_told_costs_only_itself(
    diary: Diary, caplog: pytest.LogCaptureFixture
) -> None:
    nothing: Any = None

    diary.note(HandedOver(WORKER, "request-0", [staged("m-0", nothing, arrived_at=0)]))
    diary.invoke(message("m-1"))

    assert diary.rows("SELECT request, answer FROM invocations") == [("request-1", "reply")]
    assert "HandedOver" in caplog.text


def test_half_a_surrogate_is_kept_as_a_question_mark(diary: Diary) -> None:
    diary.invoke(message("m-1", "half \ud800"), message("m-2", "whole"))

    assert diary.rows("SELECT record, body FROM records") == [("m-1", "half ?"), ("m-2", "whole")]
    assert diary.rows(ATTEMPTS) == [("m-1", 1, "done", None), ("m-2", 1, "done", None)]


def test_a_number_that_no_column_holds_costs_its_row_alone(
    diary: Diary, caplog: pytest.LogCaptureFixture
) -> None:
    diary.invoke(message("m-1", receives=10**30), message("m-2"))

    assert diary.rows("SELECT record FROM records") == [("m-1",), ("m-2",)]
    assert diary.rows(ATTEMPTS) == [("m-2", 1, "done", None)]
    assert "attempts" in caplog.text


def test_who_notes_waits_where_too_much_is_unwritten(tmp_path: Path) -> None:
    with SqliteJournal(tmp_path, clock=SteppedClock(), room_bytes=10_000) as journal:
        for at in range(200):
            journal.note(Received(WORKER, [message(f"m-{at}", "x" * 1_000)]))
            assert journal._bytes < 20_000
        journal.flush()

        with closing(open_to_read(journal.file)) as db:
            assert db.execute("SELECT count(*) FROM records").fetchone()[0] == 200


def test_a_stage_adds_to_what_an_earlier_one_kept(tmp_path: Path) -> None:
    for at in range(2):
        with SqliteJournal(tmp_path, clock=SteppedClock()) as journal:
            journal.note(Received(WORKER, [message("m-1"), message(f"n-{at}")]))

    with closing(open_to_read(journal.file)) as db:
        assert [record for (record,) in db.execute("SELECT record FROM records ORDER BY id")] == [
            "m-1",
            "n-0",
            "n-1",
        ]
        assert db.execute("SELECT count(*) FROM runs").fetchone()[0] == 2


def test_what_a_killed_stage_left_running_ended_with_it(tmp_path: Path) -> None:
    with SqliteJournal(tmp_path, clock=SteppedClock()) as journal:
        journal.note(HandedOver(WORKER, "request-1", [message("m-1")]))

    SqliteJournal(tmp_path, clock=SteppedClock()).start().stop()

    with closing(open_to_read(journal.file)) as db:
        assert db.execute("SELECT answer FROM invocations").fetchone()[0] == "stopped"


def test_it_can_be_read_while_it_is_written(diary: Diary) -> None:
    with closing(open_to_read(diary.file)) as db:
        diary.invoke(message("m-1"))
        diary.journal.flush()

        assert db.execute("SELECT count(*) FROM records").fetchone()[0] == 1


def test_what_is_noted_after_the_end_is_dropped(tmp_path: Path) -> None:
    diary = Diary(tmp_path)
    diary.close()

    diary.note(Received(WORKER, [message("m-1")]))

    with closing(open_to_read(diary.file)) as db:
        assert db.execute("SELECT count(*) FROM records").fetchone()[0] == 0


def test_the_schema_lists_every_kind_of_accident(diary: Diary) -> None:
    ((said,),) = diary.rows("SELECT sql FROM sqlite_master WHERE name = 'accidents'")

    listed = re.sub(r"\s*--\s*", " ", said.partition("kind TEXT NOT NULL,")[2].partition("worker TEXT")[0])

    kinds = re.sub(r"of an invocation:|at a place:", "", listed).replace(";", ",").split(",")
    assert sorted(each.strip() for each in kinds) == sorted(get_args(AccidentKind))


def test_another_version_is_refused_with_the_cure(tmp_path: Path) -> None:
    file = tmp_path / "lineage.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE old (id)")

    with pytest.raises(LineageUnreadable, match="remove it and run the stage again"):
        open_to_write(file)


def test_what_is_no_lineage_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "lineage.sqlite"
    file.write_text("This is a text, and a long enough one to be taken for a page of a database." * 20)

    with pytest.raises(LineageUnreadable, match="no lineage file"):
        open_to_read(file)
    with pytest.raises(LineageUnreadable, match="there is no lineage"):
        open_to_read(tmp_path / "elsewhere" / "lineage.sqlite")


_KILLED = """
import sys, time
sys.path[:0] = {path!r}
from pathlib import Path
from diary import Diary, message
diary = Diary(Path(sys.argv[1]))
for at in range(1_000_000):
    diary.invoke(message(f"m-{{at}}"))
    if at == 200:
        diary.journal.flush()
        print("noted", flush=True)
"""


def test_a_stage_killed_in_the_middle_leaves_a_file_that_can_be_read(tmp_path: Path) -> None:
    script = _KILLED.format(path=sys.path)
    killed = subprocess.Popen(  # noqa: S603 - this test's own script
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    with killed:
        killed.stdout.readline()

        os.kill(killed.pid, signal.SIGKILL)

    with closing(open_to_read(tmp_path / "lineage.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert db.execute("SELECT count(*) FROM records").fetchone()[0] > 200
