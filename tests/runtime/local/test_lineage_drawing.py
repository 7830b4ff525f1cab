"""The tree that ``workers trace`` draws."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from diary import WORKER, Diary, message, printed, put, sent
from traced import drawn
from worker_runtime.filters import compile_filters
from worker_runtime.local.stage.lineage.happenings import Deleted, Received, Refused, Waiting
from worker_runtime.local.stage.polling.batches import SomeFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BILLING = "shop.bill"


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[Diary]:
    with closing(Diary(tmp_path)) as made:
        yield made


def test_a_refused_record_is_told_with_the_filter_that_refused_it(diary: Diary) -> None:
    filters = compile_filters([{"body": {"kind": ["order"]}}], data_key="body")

    diary.note(Refused(WORKER, [message("m-1", {"kind": "parcel"})], filters))

    assert "no filter took it: refused; filter 1: body.kind" in drawn(diary, "m-1")[-1]


def test_a_tree_says_where_a_record_came_from_what_was_tried_and_how_it_ended(diary: Diary) -> None:
    record = message("m-2", {"order": 7}, queue="bills")
    diary.invoke(message("m-1"), does=[sent("m-2", queue="bills")])
    diary.clock.sleep(60)
    failing = printed("failed", record_id="m-2", outcome="retry", reason="no paper", level="WARNING")
    diary.invoke(record, worker=BILLING, does=[failing], reading=SomeFailed(frozenset({"m-2"})))
    diary.note(Waiting(BILLING, [record], diary.clock.now() + 30, "visibility"))
    diary.clock.sleep(30)
    diary.invoke(record, worker=BILLING, does=[put("order-7")])
    diary.note(Deleted(BILLING, [record]))

    tree = drawn(diary, "m-2")

    assert [_untimed(line) for line in tree] == [
        "22:13:20.000  SendMessage bills m-2 by shop.ship",
        "    for m-1 in request request-1",
        "  │",
        "shop.bill  message m-2",
        "│  22:14:20.000  257 bytes from bills",
        '│  {"order": 7}',
        "├─ 22:14:20.000  retry: no paper  [shop.bill request-2, alone, receive 1, 12 ms]",
        "│     WARNING failed",
        "├─ 22:14:20.000  comes again at 22:14:50.000 (visibility)",
        "├─ 22:14:50.000  done  [shop.bill request-3, alone, receive 1, 12 ms]",
        "│  └─ 22:14:50.000  PutItem orders order-7 meta",
        "└─ 22:14:50.000  deleted",
    ]


def test_all_that_a_worker_printed_is_shown_where_it_is_asked_for(diary: Diary) -> None:
    error = printed("failed", record_id="m-1", exception="Traceback\n  File", level="ERROR", fee=3)
    diary.invoke(message("m-1"), does=[printed("began"), error])

    short, whole = drawn(diary, "m-1"), drawn(diary, "m-1", all_lines=True)

    assert not any("began" in line for line in short)
    assert [_untimed(line) for line in whole[-4:]] == [
        "      22:13:20.000  INFO began",
        "      22:13:20.000  ERROR failed  fee=3",
        "      Traceback",
        "        File",
    ]


def test_a_long_body_without_blanks_is_shown_as_far_as_it_fits(diary: Diary) -> None:
    diary.note(Received(WORKER, [message("m-1", f'{{"id":"7","note":"{"x" * 300}"}}')]))

    tree = drawn(diary, "m-1")

    assert tree[2] == f'│  {{"id":"7","note":"{"x" * 181}…'


def test_a_record_that_waits_for_others_is_told_as_such(diary: Diary) -> None:
    diary.note(Received(WORKER, [message("m-1")]))

    assert drawn(diary, "m-1")[-1] == "└─ not handed over yet"


def _untimed(line: str) -> str:
    """Leave out how much of the machine's time had passed."""
    before, opened, rest = line.partition(" (+")
    return before + rest.partition(" s)")[2] if opened else line
