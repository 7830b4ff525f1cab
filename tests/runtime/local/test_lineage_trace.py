"""What an id is traced to: causes up, tries and what they made down, across workers."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from diary import (
    WORKER,
    Diary,
    bus_event,
    called,
    change,
    message,
    object_event,
    printed,
    published,
    put,
    sent,
    stored,
    topic_event,
    updated,
)
from worker_runtime.filters import compile_filters
from worker_runtime.local.stage.execution.answers import Reply, Throttled, crashed, timed_out
from worker_runtime.local.stage.execution.invocations import Report
from worker_runtime.local.stage.lineage.drawing import draw
from worker_runtime.local.stage.lineage.finding import ManyFound, NothingFound, Traced, find
from worker_runtime.local.stage.lineage.happenings import (
    Deleted,
    Ended,
    EventHandedOver,
    GivenUp,
    HandedOver,
    Received,
    Refused,
    Renamed,
    SentBack,
    Struck,
    Waiting,
)
from worker_runtime.local.stage.lineage.late_notes import note_sent_back
from worker_runtime.local.stage.lineage.schema import open_to_read
from worker_runtime.local.stage.lineage.told import Made, Step, Try, Way
from worker_runtime.local.stage.polling.batches import AllDone, BatchFailed, SomeFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BILLING = "shop.bill"


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[Diary]:
    with closing(Diary(tmp_path)) as made:
        yield made


def traced(diary: Diary, wanted: str, **given: Any) -> Traced:
    diary.journal.flush()
    with closing(open_to_read(diary.file)) as db:
        return find(db, wanted, **given)


def way(diary: Diary, wanted: str, **given: Any) -> Way:
    (found,) = traced(diary, wanted, **given).found
    assert isinstance(found, Way)
    return found


def tries(told: Way) -> list[Try]:
    return [event for event in told.events if isinstance(event, Try)]


def made(told: Way) -> list[Made]:
    return [each for tried in tries(told) for each in tried.made]


def drawn(diary: Diary, wanted: str, *, all_lines: bool = False, **given: Any) -> list[str]:
    return [line for line, _ in draw(traced(diary, wanted, **given), all_lines=all_lines)]


def test_a_record_is_followed_from_worker_to_worker(diary: Diary) -> None:
    diary.invoke(message("m-1"), does=[sent("m-2", queue="bills")])
    diary.invoke(message("m-2", queue="bills"), worker=BILLING, does=[put("order-1")])
    diary.invoke(change("100", {}, key="order-1"), worker="shop.pack")

    first = way(diary, "m-1")

    (second,) = made(first)[0].led_to
    (third,) = made(second)[0].led_to
    assert [first.worker, second.worker, third.worker] == [WORKER, BILLING, "shop.pack"]


def test_a_record_s_causes_are_told_from_the_first_one(diary: Diary) -> None:
    diary.invoke(message("m-1"), does=[sent("m-2", queue="bills")])
    diary.invoke(message("m-2", queue="bills"), worker=BILLING, does=[put("order-1")])
    diary.invoke(change("100", {}, key="order-1"), worker="shop.pack")

    causes = way(diary, "100").came_from

    assert [(cause.worker, cause.record, cause.thing) for cause in causes] == [
        (WORKER, "m-1", "m-2"),
        (BILLING, "m-2", "order-1 meta"),
    ]


def test_a_cause_that_is_one_of_a_batch_names_them_all(diary: Diary) -> None:
    diary.invoke(message("m-1"), message("m-2"), does=[sent("m-3", "whatever")])
    diary.invoke(message("m-3"))

    (cause,) = way(diary, "m-3").came_from

    assert cause.record is None
    assert cause.among == ("m-1", "m-2")


def test_what_another_record_of_the_batch_made_is_not_told(diary: Diary) -> None:
    records = [change("100", {}, key="order-1"), change("101", {}, key="order-2")]
    diary.invoke(*records, does=[sent("s-1", {"id": "order-1"}), sent("s-2", {"id": "order-2"}), sent("s-3")])

    told = made(way(diary, "100"))

    assert [(each.thing, each.sure) for each in told] == [("s-1", True), ("s-3", False)]


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


def test_a_message_that_was_held_back_is_found_under_the_id_it_came_with(diary: Diary) -> None:
    diary.invoke(message("m-1", "x"), does=[sent("told", "x", deferrals="1")])
    diary.note(Renamed("told", "m-2"))
    diary.invoke(message("m-2", "x"))

    (put_off,) = made(way(diary, "m-1"))

    assert put_off.kind == "deferral"
    assert [each.record for each in put_off.led_to] == ["m-2"]


@pytest.mark.parametrize(
    ("does", "event"),
    [
        (stored("a folder/+15550001234.json"), object_event("a folder/+15550001234.json")),
        (published("n-1"), topic_event("n-1")),
        (
            called("AWSEvents.PutEvents", {"Entries": [{}]}, {"Entries": [{"EventId": "e-1"}]}),
            bus_event("e-1"),
        ),
    ],
    ids=["object", "topic", "bus"],
)
def test_an_event_is_told_under_the_call_that_raised_it(diary: Diary, does: Any, event: bytes) -> None:
    diary.invoke(message("m-1"), does=[does])
    diary.note(EventHandedOver(BILLING, "tick", event))

    (cause,) = made(way(diary, "m-1"))

    (following,) = cause.led_to
    assert following.worker == BILLING
    assert "5550001" not in following.record


def test_each_change_of_an_item_finds_its_own_write(diary: Diary) -> None:
    key = "order-1"
    diary.invoke(message("m-1"), does=[put(key, state={"S": "new"})])
    diary.invoke(message("m-2"), does=[updated(key, state={"S": "paid"})])
    diary.invoke(message("m-3"), does=[updated(key, state={"S": "paid"})])  # changes nothing
    diary.invoke(message("m-4"), does=[updated(key, state={"S": "sent"}, weight={"N": "1.50"})])
    for sequence, state, more in (
        ("100", "new", {}),
        ("101", "paid", {}),
        ("102", "lost", {}),  # somebody else's
        ("103", "sent", {"weight": {"N": "1.5"}}),
    ):
        diary.invoke(change(sequence, {"state": {"S": state}, **more}, key=key), worker=BILLING)

    causes = {sequence: way(diary, sequence).came_from for sequence in ("100", "101", "102", "103")}

    assert {sequence: [cause.record for cause in told] for sequence, told in causes.items()} == {
        "100": ["m-1"],
        "101": ["m-2"],
        "102": [],
        "103": ["m-4"],
    }


def test_a_write_after_a_change_did_not_make_it(diary: Diary) -> None:
    diary.invoke(change("100", {"state": {"S": "new"}}, key="order-1"), worker=BILLING)
    _make_older(diary)

    diary.invoke(message("m-1"), does=[put("order-1", state={"S": "new"})])

    assert way(diary, "100").came_from == ()


def test_an_item_s_changes_and_its_other_writes_are_found_by_a_part_of_its_key(diary: Diary) -> None:
    diary.invoke(message("m-1"), does=[put("order-1"), updated("order-1", seen={"BOOL": True})])
    diary.invoke(change("100", {}, key="order-1"), worker=BILLING)

    told = traced(diary, "order-1").found

    assert [each.record for each in told if isinstance(each, Way)] == ["100"]
    assert [each.verb for each in told if isinstance(each, Made)] == ["UpdateItem"]


@pytest.mark.parametrize("shown_to_people", ["NTF#648333d8-1", "648333d8-1", "648333d8", "NTF#6"])
def test_an_item_is_found_by_what_stands_behind_a_hash_in_its_key(diary: Diary, shown_to_people: str) -> None:
    diary.invoke(message("m-1"), does=[put("NTF#648333d8-1"), put("NTF#7")])

    told = traced(diary, shown_to_people)

    assert (told.id, told.kind) == ("NTF#648333d8-1 meta", "item")


def test_all_items_that_share_a_whole_value_of_their_keys_are_told(diary: Diary) -> None:
    diary.invoke(message("m-1"), does=[put("EVENT#1"), put("USER#1 DEMAND#1#2"), put("EVENT#12")])

    told = traced(diary, "1")

    assert told.id == "1"
    assert [each.thing for each in told.found if isinstance(each, Made)] == [
        "EVENT#1 meta",
        "USER#1 DEMAND#1#2 meta",
    ]


def test_where_too_many_are_meant_each_is_counted_once(diary: Diary) -> None:
    for at in range(20):
        diary.invoke(message(f"m-{at:02}", correlationId=f"m-{at:02}"))

    with pytest.raises(ManyFound, match=r"'m-' begins 20 ids; .*m-11 \(record, shop.ship\) and 8 more$"):
        traced(diary, "m-")
    with pytest.raises(NothingFound):
        traced(diary, "%")


def test_a_value_that_very_many_items_have_is_told_as_such(diary: Diary) -> None:
    diary.invoke(message("m-1"), does=[put(f"NTF#{at:02}") for at in range(20)])

    with pytest.raises(ManyFound, match=r"'meta' is in the keys of 20 items; .* and 8 more$"):
        traced(diary, "meta")


def test_a_work_is_found_by_its_correlation_id(diary: Diary) -> None:
    diary.invoke(message("m-1", correlationId="c-1"), does=[sent("m-2", correlationId="c-1")])
    diary.invoke(message("m-2", correlationId="c-1"), worker=BILLING)

    told = traced(diary, "c-1")

    assert told.kind == "correlation id"
    assert [each.record for each in told.found if isinstance(each, Way)] == ["m-1"]


def test_a_request_is_told_with_all_that_it_made(diary: Diary) -> None:
    request = diary.invoke(message("m-1"), message("m-2"), does=[sent("m-3"), sent("m-4")])

    (told,) = traced(diary, request).found

    assert isinstance(told, Try)
    assert [each.thing for each in told.made] == ["m-3", "m-4"]


def test_a_beginning_is_enough_where_only_one_id_has_it(diary: Diary) -> None:
    diary.invoke(message("4049e355-1"))
    diary.invoke(message("4049f000-1"))

    assert way(diary, "4049e").record == "4049e355-1"
    with pytest.raises(ManyFound, match=r"begins 2 ids; .*4049e355-1 \(record, shop.ship\), 4049f000-1"):
        traced(diary, "4049")


def test_an_id_that_begins_another_is_taken_for_itself(diary: Diary) -> None:
    diary.invoke(message("m-1"))
    diary.invoke(message("m-11"))

    assert way(diary, "m-1").record == "m-1"


def test_what_is_not_known_is_said(diary: Diary) -> None:
    with pytest.raises(NothingFound, match="'nothing'"):
        traced(diary, "nothing")


def test_a_worker_that_feeds_itself_is_told_to_its_end(diary: Diary) -> None:
    for at in range(60):
        diary.invoke(message(f"m-{at}"), does=[sent(f"m-{at + 1}")])

    told = way(diary, "m-0")

    depth = 0
    while made(told) and made(told)[0].led_to:
        told, depth = made(told)[0].led_to[0], depth + 1
    assert depth > 20
    assert len(way(diary, "m-59").came_from) == 50


def test_a_fan_out_is_told_in_part_unless_all_is_asked_for(diary: Diary) -> None:
    diary.invoke(message("m-1"), does=[sent(f"s-{at}") for at in range(30)])

    some, everything = way(diary, "m-1"), way(diary, "m-1", shown=None)

    assert (len(made(some)), tries(some)[0].more) == (20, 10)
    assert len(made(everything)) == 30


def test_an_accident_is_told_with_the_try_that_it_befell_and_no_other(diary: Diary) -> None:
    def crash(request_id: str) -> Any:
        return Struck("crash", worker=WORKER, request_id=request_id)

    answer = crashed("request-1", exit_code=-9, started=True)
    struck, beside = message("m-1"), message("m-2")
    diary.note(HandedOver(WORKER, "beside", [beside]))
    diary.invoke(struck, does=[crash], answer=answer, reading=BatchFailed("crashed", raised=True))
    diary.invoke(struck)
    diary.note(Ended(WORKER, "beside", Report(request_id="beside", answer=Reply(b"{}")), AllDone()))

    assert [tried.accidents for tried in tries(way(diary, "m-1"))] == [("crash",), ()]
    assert [tried.accidents for tried in tries(way(diary, "m-2"))] == [()]


def test_of_the_tries_under_one_request_an_accident_befell_one(diary: Diary) -> None:
    def lost(request_id: str) -> Any:
        return Struck("lost reply", worker=WORKER, request_id=request_id)

    answer = timed_out("event-1", timeout_s=30)
    diary.invoke(message("m-1"), does=[lost], answer=answer, request_id="event-1")
    diary.invoke(message("m-1"), request_id="event-1")

    assert [tried.accidents for tried in tries(way(diary, "m-1"))] == [("lost reply",), ()]


def test_a_throttle_is_a_step_and_of_no_try(diary: Diary) -> None:
    def throttle(request_id: str) -> Any:
        return Struck("throttle", worker=WORKER, request_id=request_id)

    diary.invoke(message("m-1"), does=[throttle], answer=Throttled())
    diary.invoke(message("m-1"))

    throttled, done = way(diary, "m-1").events

    assert isinstance(throttled, Step)
    assert throttled.kind == "throttled"
    assert isinstance(done, Try)
    assert done.accidents == ()
    assert diary.rows("SELECT kind, request, invocation FROM accidents") == [("throttle", "request-1", None)]


def test_what_failed_meanwhile_is_told_apart_from_what_befell_the_try(diary: Diary) -> None:
    def outage(_: str) -> Any:
        return Struck("outage", place="Redis")

    diary.invoke(message("m-1"), does=[outage])

    (tried,) = tries(way(diary, "m-1"))
    assert (tried.accidents, tried.meanwhile) == ((), ("outage of Redis",))


def test_what_fails_right_after_a_try_was_not_meanwhile(diary: Diary) -> None:
    diary.invoke(message("m-1"))
    diary.clock.sleep(1)
    diary.note(Struck("outage", place="Redis"))
    diary.invoke(message("m-1"))

    assert [tried.meanwhile for tried in tries(way(diary, "m-1"))] == [(), ()]


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


def _make_older(diary: Diary) -> None:
    """Let what was received so far be of an hour ago of the machine's time."""
    diary.journal.flush()
    with closing(sqlite3.connect(diary.file, timeout=5)) as db:
        db.execute("UPDATE records SET wall = wall - 3600")
        db.commit()
