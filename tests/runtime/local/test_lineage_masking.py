"""What a lineage keeps is without personal data: bodies, lines, keys of items, correlation ids."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from diary import WORKER, Diary, called, change, message, printed
from worker_runtime.clock import SteppedClock
from worker_runtime.local.stage.lineage.happenings import Printed, Received
from worker_runtime.local.stage.lineage.schema import open_to_read
from worker_runtime.local.stage.lineage.sqlite_journal import SqliteJournal

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
