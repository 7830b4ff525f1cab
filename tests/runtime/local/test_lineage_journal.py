"""The journal of a stage: what is kept of what happens, in which rows, and that it costs nobody his work."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any, get_args

import pytest

from diary import WORKER, Diary, called, change, message, printed, put, sent
from staged import failed
from worker_runtime.clock import SteppedClock
from worker_runtime.filters import compile_filters
from worker_runtime.local.stage.execution.answers import Reply, Throttled, crashed
from worker_runtime.local.stage.execution.invocations import Report
from worker_runtime.local.stage.lineage.happenings import (
    AccidentKind,
    Checkpointed,
    Deleted,
    Ended,
    EventHandedOver,
    GivenUp,
    HandedOver,
    Printed,
    Received,
    Refused,
    Split,
    Waiting,
)
from worker_runtime.local.stage.lineage.schema import LineageUnreadable, open_to_read, open_to_write
from worker_runtime.local.stage.lineage.sqlite_journal import SqliteJournal
from worker_runtime.local.stage.polling.batches import AllDone, BatchFailed, SomeFailed, read_reply
from worker_runtime.local.stage.polling.staged_records import staged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ATTEMPTS = (
    "SELECT record, done, outcome, reason FROM records JOIN attempts ON attempts.record = records.id"
    " ORDER BY invocation, records.id"
)
ATTEMPTS = ATTEMPTS.replace("SELECT record,", "SELECT records.record,")


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


def test_personal_data_is_unreadable(diary: Diary) -> None:
    body = {"email": "fan@example.com", "text": "call +15550001234", "userId": "u-1"}

    diary.invoke(message("m-1", body), does=[printed("to fan@example.com")])
    diary.journal.note(Received(WORKER, [message("m-2", "I am fan@example.com")]))

    said = str(diary.rows("SELECT body FROM records"))
    assert "fan@example.com" not in said
    assert "5550001234" not in said.replace("+*******1234", "")
    assert "u-1" in said


def test_whatever_a_worker_prints_is_redacted_by_names_and_by_looks(diary: Diary) -> None:
    said = {"location": "here", "reason": "fan@example.com called", "outcome": "dlq", "record_id": "m-1"}
    personal: dict[str, Any] = {"phone": "5550001234", "fan": {"firstName": "Ann"}, "userId": "u-1"}
    bare = json.dumps({"password": "hunter2", "order": 7})
    does = [
        printed("rejected", **said, **personal),
        printed(json.dumps(personal)),
        *(lambda request_id, line=line: Printed(WORKER, request_id, line) for line in (bare, f"[{bare}]")),
    ]

    diary.invoke(message("m-1"), does=does)

    kept = str(diary.rows("SELECT message, line, record FROM lines") + diary.rows(ATTEMPTS))
    assert not [each for each in ("5550001234", "Ann", "hunter2", "fan@") if each in kept]
    assert "u-1" in kept
    assert "order" in kept


def test_keys_of_items_and_correlation_ids_are_redacted_by_names_and_by_looks(diary: Diary) -> None:
    key = {"phoneNumber": {"S": "5550001234"}, "SK": {"S": "fan@example.com"}}
    removed = called("DynamoDB_20120810.DeleteItem", {"TableName": "orders", "Key": key}, {})
    record = change("100", None, key="x")
    record.raw["dynamodb"]["Keys"] = key

    diary.invoke(message("m-1", correlationId="call +15550001234"), does=[removed])
    diary.invoke(record)

    assert diary.rows("SELECT item FROM records UNION ALL SELECT thing FROM caused") == [
        (None,),
        ("f***@e*** [redacted]",),
        ("f***@e*** [redacted]",),
    ]
    assert diary.rows("SELECT correlation FROM records WHERE correlation IS NOT NULL") == [
        ("call +*******1234",)
    ]


def test_a_stage_may_be_asked_to_keep_bodies_as_they_are(tmp_path: Path) -> None:
    with SqliteJournal(tmp_path, clock=SteppedClock(), redacted=False) as journal:
        journal.note(Received(WORKER, [message("m-1", {"email": "fan@example.com"})]))

    with closing(open_to_read(journal.file)) as db:
        assert "fan@example.com" in db.execute("SELECT body FROM records").fetchone()[0]


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


def test_throttles_in_a_row_are_one_step_and_no_invocation(diary: Diary) -> None:
    for _ in range(3):
        diary.invoke(message("m-1"), answer=Throttled(), reading=BatchFailed("throttled", raised=True))

    assert diary.rows("SELECT count(*) FROM invocations") == [(0,)]
    assert diary.rows("SELECT kind, detail FROM steps") == [("throttled", "3")]


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


def test_a_throttled_invocation_that_others_saw_is_taken_back(diary: Diary) -> None:
    diary.note(HandedOver(WORKER, "throttled", [message("m-1")]))
    assert diary.rows("SELECT count(*) FROM attempts") == [(1,)]

    diary.note(Ended(WORKER, "throttled", Report(request_id="throttled", answer=Throttled())))

    assert diary.rows("SELECT count(*) FROM attempts") == [(0,)]
    assert diary.rows("SELECT count(*) FROM invocations") == [(0,)]
    assert diary.rows("SELECT kind FROM steps") == [("throttled",)]


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
