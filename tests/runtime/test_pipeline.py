"""Records to outcomes: verdicts, poison, lanes, threads, contexts, the deadline."""

from __future__ import annotations

import sys
import threading
import time
from contextvars import ContextVar
from typing import Any

import pytest
from msgspec import Struct
from pydantic import BaseModel, field_validator

from worker_runtime import (
    Batch,
    Change,
    Defer,
    Halt,
    Invocation,
    Metrics,
    Middleware,
    Record,
    Reject,
    Retry,
    Skip,
    Sqs,
    Stack,
    TableStream,
    correlation_id,
    worker,
)
from worker_runtime.clock import SteppedClock, sleep, using
from worker_runtime.outcomes import Done, Failed, Outcome, Rejected, Skipped
from worker_runtime.runtime import run
from worker_runtime.testing import (
    Context,
    RecordingSender,
    change,
    message,
    ready,
    run_on,
    sqs_event,
    table_event,
)

SHOP = Stack("shop")
ORDERS = Sqs("orders", dead_letters="orders-dlq")
GROUPED = Sqs("orders.fifo", max_receives=10, dead_letters="orders-dlq.fifo")
STREAM = TableStream("orders", dead_letters="orders-dlq")
GOING_ON = TableStream("orders", dead_letters="orders-dlq", on_failure="continue")


class Order(Struct):
    n: int = 0
    verdict: str = ""


def listed(reply: Any, event: dict[str, Any]) -> list[int]:
    ids = [each["messageId"] for each in event["Records"]]
    return [ids.index(item["itemIdentifier"]) for item in reply["batchItemFailures"]]


def numbered(count: int) -> dict[str, Any]:
    return sqs_event(*({"n": number} for number in range(count)))


def groups(*names: str) -> dict[str, Any]:
    return {
        "Records": [
            message({"n": at}, at=at, queue="orders.fifo", group=name) for at, name in enumerate(names)
        ]
    }


class Odd(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")

    __repr__ = __str__


class Bare(Retry):
    def __init__(self) -> None:
        """Forget what a Retry knows."""


class Moody:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("never compare me")

    __hash__ = None  # type: ignore[assignment] # as such values are


def endless(depth: int) -> int:
    return endless(depth + 1) + 1


@pytest.mark.parametrize(
    "error",
    [
        Retry,
        Retry(30),
        Halt("x"),
        ValueError("x"),
        Odd(),
        Bare(),
        MemoryError(),
        ExceptionGroup("x", [Odd()]),
    ],
    ids=lambda error: getattr(error, "__name__", type(error).__name__),
)
def test_whatever_is_raised_fails_its_record_and_no_done_one(error: Exception) -> None:
    @worker(ORDERS, stack=SHOP)
    def fail_second(order: Order) -> None:
        """Fail the second order."""
        if order.n == 1:
            raise error

    event = numbered(2)

    assert listed(run_on(fail_second, event), event) == [1]


def test_a_bottomless_recursion_fails_its_record_only() -> None:
    @worker(ORDERS, stack=SHOP)
    def recurse(order: Order) -> None:
        """Never come back."""
        if order.n == 1:
            endless(0)

    event = numbered(3)

    assert listed(run_on(recurse, event), event) == [1]


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("leaves", [SystemExit(1), KeyboardInterrupt()], ids=["exit", "interrupt"])
def test_what_ends_the_process_is_never_an_acknowledgement(leaves: BaseException, concurrency: int) -> None:
    @worker(ORDERS, stack=SHOP, concurrency=concurrency)
    def leave(order: Order) -> None:
        """Leave at the second order."""
        if order.n == 1:
            raise leaves

    with pytest.raises(type(leaves)):
        run_on(leave, numbered(4))


def test_a_returned_value_is_done_whatever_it_is() -> None:
    @worker(ORDERS, stack=SHOP)
    def answer(_order: Order) -> Moody:
        """Return what nobody reads."""
        return Moody()

    assert run_on(answer, numbered(2)) == {"batchItemFailures": []}


POISON = ["", "{", "null", "[]", '{"n": "x"}', '"\ud800"', "[" * 200_000, '{"n": 1e999}', "\0", '{"n":1}x']


@pytest.mark.parametrize("body", POISON, ids=lambda body: ascii(body[:12]))
def test_what_cannot_be_decoded_is_a_rejection_that_never_reaches_the_worker(body: str) -> None:
    sender = RecordingSender()
    seen: list[int] = []

    @worker(ORDERS, stack=SHOP)
    def note(order: Order) -> None:
        """Note what arrives."""
        seen.append(order.n)

    reply = run_on(note, sqs_event({"n": 1}, body, {"n": 3}), sender=sender)

    assert reply == {"batchItemFailures": []}
    assert seen == [1, 3]
    assert len(sender.sent) == 1


class Judged(BaseModel):
    n: int

    @field_validator("n")
    @classmethod
    def judge(cls, n: int) -> int:
        match n:
            case 1:
                raise Skip("an old one")
            case 2:
                raise Retry(30)
            case 3:
                raise Reject("BAD_NUMBER")
            case 4:
                raise ValueError("no number of ours")
            case 5:
                raise RuntimeError("a bug of the model's")
        return n


def test_a_verdict_that_decoding_raises_is_its_record_s_and_all_else_a_rejection() -> None:
    sender = RecordingSender()

    @worker(ORDERS, stack=SHOP)
    def take(_judged: Judged) -> None:
        """Take what the model lets pass."""

    event = numbered(6)
    reply = run_on(take, event, sender=sender)

    assert listed(reply, event) == [2]
    assert sender.hidden == {"receipt-2": 30}
    assert [letter.body for _, letter in sender.sent] == ['{"n": 3}', '{"n": 4}', '{"n": 5}']


def test_a_batch_is_called_once_with_what_could_be_decoded() -> None:
    calls: list[list[int]] = []
    sender = RecordingSender()

    @worker(ORDERS, stack=SHOP)
    def take(batch: Batch[Order]) -> None:
        """Take all at once."""
        calls.append([record.body.n for record in batch])
        assert len(batch) == 2

    reply = run_on(take, sqs_event({"n": 1}, "{", {"n": 3}), sender=sender)

    assert reply == {"batchItemFailures": []}
    assert calls == [[1, 3]]
    assert len(sender.sent) == 1


@pytest.mark.parametrize("event", [sqs_event(), sqs_event("{", "[")])
def test_a_batch_of_nothing_is_not_called(event: dict[str, Any]) -> None:
    @worker(ORDERS, stack=SHOP)
    def take(_batch: Batch[Order]) -> None:
        """Never come to it."""
        raise AssertionError

    assert run_on(take, event) == {"batchItemFailures": []}


def test_single_records_of_a_batch_are_marked() -> None:
    sender = RecordingSender()

    @worker(ORDERS, stack=SHOP)
    def mark(batch: Batch[Order]) -> None:
        """Mark each differently."""
        records = list(batch)
        batch.retry(records[0], ValueError("not now"), after_s=30)
        batch.reject(records[1], "NO_GOOD", "at all")
        batch.skip(records[2], "old")
        batch.fail(records[3], Retry(60))
        batch.fail(records[4], KeyError("a bug"))

    event = numbered(6)
    reply = run_on(mark, event, sender=sender)

    assert listed(reply, event) == [0, 3, 4]
    assert sender.hidden == {"receipt-0": 30, "receipt-3": 60}
    assert len(sender.sent) == 1


def test_marks_go_by_the_record_since_ids_may_repeat() -> None:
    sender = RecordingSender()

    @worker(ORDERS, stack=SHOP)
    def mark(batch: Batch[Order]) -> None:
        """Reject the second of twins."""
        _, second = batch
        batch.reject(second, "TWIN")

    event = numbered(2)
    event["Records"][1]["messageId"] = event["Records"][0]["messageId"]
    run_on(mark, event, sender=sender)

    assert [letter.body for _, letter in sender.sent] == ['{"n": 1}']


def test_the_last_mark_of_a_record_counts() -> None:
    @worker(ORDERS, stack=SHOP)
    def mark(batch: Batch[Order]) -> None:
        """Think again."""
        (record,) = batch
        batch.retry(record)
        batch.skip(record, "after all")

    assert run_on(mark, numbered(1)) == {"batchItemFailures": []}


@pytest.mark.parametrize("copied", [True, False])
def test_a_record_of_another_batch_cannot_be_marked(*, copied: bool) -> None:
    (record,) = ORDERS.records(numbered(1))
    batch: Batch[Any] = Batch([record])
    other = ORDERS.records(numbered(1))[0] if copied else None

    with pytest.raises((ValueError, AttributeError), match=r"is not of this batch|no attribute"):
        batch.retry(other)  # type: ignore[arg-type] # the mistake

    assert batch.outcome(record) is None


@pytest.mark.parametrize("verdict", [ValueError("x"), Skip("x"), Defer(30), Reject("X"), Retry(), Odd()])
def test_what_leaves_a_batch_is_a_retry_of_every_unmarked_record(verdict: Exception) -> None:
    sender = RecordingSender()

    @worker(ORDERS, stack=SHOP)
    def mark(batch: Batch[Order]) -> None:
        """Skip the first, then fail."""
        batch.skip(next(iter(batch)), "done before")
        raise verdict

    event = numbered(3)
    reply = run_on(mark, event, sender=sender)

    assert listed(reply, event) == [1, 2]
    assert sender.sent == []


def test_a_halt_that_leaves_a_batch_holds_back_what_is_unmarked() -> None:
    sender = RecordingSender()

    @worker(ORDERS, stack=SHOP)
    def mark(batch: Batch[Order]) -> None:
        """Skip the first, then halt."""
        batch.skip(next(iter(batch)), "done before")
        raise Halt("no credentials")

    run_on(mark, numbered(3), sender=sender)

    assert sender.hidden == {"receipt-1": 900, "receipt-2": 900}


def test_records_run_at_once_up_to_concurrency() -> None:
    together = threading.Barrier(4, timeout=5)

    @worker(ORDERS, stack=SHOP, concurrency=4)
    def meet(_order: Order) -> None:
        """Wait for three others."""
        together.wait()

    assert run_on(meet, numbered(8)) == {"batchItemFailures": []}


def test_no_more_run_at_once_than_concurrency_says() -> None:
    running = 0
    most = 0
    lock = threading.Lock()

    @worker(ORDERS, stack=SHOP, concurrency=3)
    def count(_order: Order) -> None:
        """Count who is here."""
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1

    run_on(count, numbered(30))

    assert most <= 3


def test_a_reply_waits_for_every_record_that_is_still_running() -> None:
    finished: list[int] = []

    @worker(ORDERS, stack=SHOP, concurrency=4)
    def finish(order: Order) -> None:
        """Finish late, the first excepted, which fails."""
        if order.n == 0:
            raise ValueError
        time.sleep(0.05)
        finished.append(order.n)

    event = numbered(4)

    assert listed(run_on(finish, event), event) == [0]
    assert sorted(finished) == [1, 2, 3]


def test_lanes_run_side_by_side_and_each_keeps_its_order() -> None:
    together = threading.Barrier(2, timeout=5)
    seen: dict[str, list[int]] = {"a": [], "b": []}

    @worker(GROUPED, stack=SHOP, concurrency=8)
    def note(record: Record[Order]) -> None:
        """Meet the other lane at each step."""
        together.wait()
        seen[record.lane].append(record.body.n)

    run_on(note, groups("a", "a", "b", "a", "b", "b"))

    assert seen == {"a": [0, 1, 3], "b": [2, 4, 5]}


def test_once_a_lane_of_a_stream_failed_no_lane_starts_another_record() -> None:
    failed = threading.Event()
    seen: list[str] = []

    @worker(STREAM, stack=SHOP, concurrency=2)
    def note(changed: Change[dict[str, Any]]) -> None:
        """Fail in one lane while the other works."""
        assert changed.new
        seen.append(f"{changed.new['PK']}{changed.new['n']}")
        if changed.new["PK"] == "a":
            failed.set()
            raise ValueError
        failed.wait(5)
        time.sleep(0.05)

    plan = [("b", 1), ("a", 1), ("b", 2), ("a", 2), ("b", 3)]
    reply = run_on(
        note,
        table_event(
            *(change(new={"PK": lane, "n": n}, keys=["PK"], at=at) for at, (lane, n) in enumerate(plan))
        ),
    )

    assert set(seen) == {"a1", "b1"}
    assert reply == {"batchItemFailures": [{"itemIdentifier": "100000000000000000001"}]}


def test_a_failed_lane_of_a_stream_that_goes_on_holds_up_no_other() -> None:
    seen: list[str] = []

    @worker(GOING_ON, stack=SHOP, concurrency=4)
    def note(changed: Change[dict[str, Any]]) -> None:
        """Fail in lane a."""
        assert changed.new
        seen.append(f"{changed.new['PK']}{changed.new['n']}")
        if changed.new["PK"] == "a":
            raise ValueError

    plan = [("b", 1), ("a", 1), ("b", 2), ("a", 2), ("c", 1), ("b", 3)]
    run_on(
        note,
        table_event(
            *(change(new={"PK": lane, "n": n}, keys=["PK"], at=at) for at, (lane, n) in enumerate(plan))
        ),
    )

    assert sorted(seen) == ["a1", "b1", "b2", "b3", "c1"]


def test_dead_letters_that_lanes_write_at_once_are_each_written_once() -> None:
    sender = RecordingSender()

    @worker(GROUPED, stack=SHOP, concurrency=8)
    def refuse(_order: Order) -> None:
        """Refuse all."""
        raise Reject("TOLD_TO")

    reply = run_on(refuse, groups(*"abcdefghij"), sender=sender)

    assert reply == {"batchItemFailures": []}
    assert sorted(letter.group_id or "" for _, letter in sender.sent) == list("abcdefghij")


COLOUR: ContextVar[str] = ContextVar("colour", default="none")


@pytest.mark.parametrize("concurrency", [1, 4])
def test_threads_run_in_a_copy_of_the_invocation_s_context(concurrency: int) -> None:
    seen: list[tuple[str, str | None, str]] = []

    @worker(ORDERS, stack=SHOP, concurrency=concurrency)
    def look(record: Record[Order], *, invocation: Invocation) -> None:
        """Look around, and leave a trace in the context."""
        seen.append((COLOUR.get(), correlation_id(), invocation.request_id))
        assert 50 < invocation.remaining_s <= 60
        assert correlation_id() == record.id

    token = COLOUR.set("blue")
    event = numbered(4)
    try:
        reply = run_on(look, event)
    finally:
        COLOUR.reset(token)

    ids = {each["messageId"] for each in event["Records"]}
    assert reply == {"batchItemFailures": []}
    assert {colour for colour, _, _ in seen} == {"blue"}
    assert {name for _, name, _ in seen} == ids
    assert {request for _, _, request in seen} == {Context().aws_request_id}
    assert correlation_id() is None


def test_what_one_thread_sets_in_its_context_no_other_sees() -> None:
    together = threading.Barrier(4, timeout=5)
    seen: list[str] = []

    @worker(ORDERS, stack=SHOP, concurrency=4)
    def paint(order: Order) -> None:
        """Paint, meet, and look again."""
        COLOUR.set(str(order.n))
        together.wait()
        seen.append(COLOUR.get())

    run_on(paint, numbered(4))

    assert sorted(seen) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("timeout_s", "remaining_s", "started"),
    [
        (60, 2.9, 0),  # 3 s are kept
        (60, 3.1, 1),
        (10, 0.9, 0),  # a tenth of the time-out is kept
        (10, 1.1, 1),
    ],
)
def test_no_record_starts_too_near_the_deadline(timeout_s: int, remaining_s: float, started: int) -> None:
    seen: list[int] = []

    @worker(ORDERS, stack=SHOP, timeout_s=timeout_s)
    def note(order: Order) -> None:
        """Take longer than there is."""
        seen.append(order.n)
        sleep(5)

    event = numbered(3)
    with using(SteppedClock()):
        reply = run_on(note, event, remaining_s=remaining_s)

    assert len(seen) == started
    assert listed(reply, event) == list(range(started, 3))


def test_the_deadline_holds_for_threads_too() -> None:
    seen: list[int] = []

    @worker(ORDERS, stack=SHOP, concurrency=2)
    def note(order: Order) -> None:
        """Note what starts."""
        seen.append(order.n)

    event = numbered(6)
    reply = run_on(note, event, remaining_s=1)

    assert seen == []
    assert listed(reply, event) == [0, 1, 2, 3, 4, 5]


def test_records_that_never_started_change_no_visibility_and_are_counted_apart() -> None:
    sender = RecordingSender()

    @worker(GROUPED, stack=SHOP)
    def fail(_order: Order) -> None:
        """Fail."""
        raise ValueError

    prepared = ready(fail)
    run(prepared, groups("a", "a", "a"), context=Context(), sender=sender)

    assert sender.hidden == {}


def shouting(call_next: Any) -> Any:
    def attempt(record: Record[Any]) -> Outcome:
        if record.raw["body"] == '{"n": 1}':
            raise RuntimeError("middleware broke")
        outcome: Outcome = call_next(record)
        return outcome

    return attempt


def forgetful(call_next: Any) -> Any:
    def attempt(record: Record[Any]) -> Outcome:
        outcome: Outcome = call_next(record)
        return outcome if record.raw["body"] != '{"n": 1}' else None  # type: ignore[return-value] # the mistake

    return attempt


@pytest.mark.parametrize("around", [shouting, forgetful])
def test_middleware_that_breaks_fails_the_record_at_hand_only(around: Any) -> None:
    @worker(ORDERS, stack=SHOP)
    def note(_order: Order) -> None:
        """Do nothing."""

    event = numbered(3)
    prepared = ready(note, middleware=(Middleware("odd", around_record=around),))

    assert listed(run(prepared, event, context=Context(), sender=RecordingSender()), event) == [1]


def test_middleware_sees_outcomes_and_may_change_them() -> None:
    seen: list[Outcome] = []

    def watching(call_next: Any) -> Any:
        def attempt(record: Record[Any]) -> Outcome:
            outcome: Outcome = call_next(record)
            seen.append(outcome)
            return Skipped("forgiven") if isinstance(outcome, Failed) else outcome

        return attempt

    @worker(ORDERS, stack=SHOP)
    def act(order: Order) -> None:
        """Do what the order asks for."""
        if order.n == 1:
            raise ValueError
        if order.n == 2:
            raise Reject("TOLD_TO")

    prepared = ready(act, middleware=(Middleware("watch", around_record=watching),))
    reply = run(prepared, numbered(3), context=Context(), sender=RecordingSender())

    assert reply == {"batchItemFailures": []}
    assert [type(each) for each in seen] == [Done, Failed, Rejected]


def test_middleware_around_records_is_not_run_for_a_batch() -> None:
    @worker(ORDERS, stack=SHOP)
    def take(_batch: Batch[Order]) -> None:
        """Take all."""

    prepared = ready(take, middleware=(Middleware("odd", around_record=shouting),))

    assert run(prepared, numbered(2), context=Context(), sender=RecordingSender()) == {
        "batchItemFailures": []
    }


def test_middleware_is_folded_once_the_first_outermost() -> None:
    made: list[str] = []
    order: list[str] = []

    def named(name: str) -> Middleware:
        def around(call_next: Any) -> Any:
            made.append(name)

            def attempt(record: Record[Any]) -> Outcome:
                order.append(f"into {name}")
                outcome: Outcome = call_next(record)
                order.append(f"out of {name}")
                return outcome

            return attempt

        return Middleware(name, around_record=around)

    @worker(ORDERS, stack=SHOP)
    def act(_order: Order) -> None:
        """Note that it is called."""
        order.append("worker")

    prepared = ready(act, middleware=(named("a"), named("b")))
    for _ in range(2):
        run(prepared, numbered(1), context=Context(), sender=RecordingSender())

    assert made == ["b", "a"]
    assert order == ["into a", "into b", "worker", "out of b", "out of a"] * 2


def test_a_worker_is_loaded_without_threads_and_runs_without_them() -> None:
    @worker(ORDERS, stack=SHOP)
    def name_thread(_order: Order, *, metrics: Metrics) -> None:
        """Note which thread it is."""
        metrics.count(threading.current_thread().name)
        assert threading.current_thread() is threading.main_thread()

    assert run_on(name_thread, numbered(2)) == {"batchItemFailures": []}


def test_a_batch_of_thousands_of_lanes_needs_no_more_threads_than_concurrency() -> None:
    names: set[str] = set()

    @worker(ORDERS, stack=SHOP, concurrency=3)
    def note(_order: Order) -> None:
        """Note the thread."""
        names.add(threading.current_thread().name)

    run_on(note, numbered(300))

    assert len(names) <= 3


def test_deep_bodies_are_refused_in_threads_too() -> None:
    sender = RecordingSender()

    @worker(ORDERS, stack=SHOP, concurrency=4)
    def take(_order: dict[str, Any]) -> None:
        """Take anything."""

    deep = '{"a":' * (sys.getrecursionlimit() * 3)
    run_on(take, sqs_event(deep, {}, deep), sender=sender)

    assert len(sender.sent) == 2
