"""For any batch and any verdicts: what comes again, what is sent, and in which order work is done."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verdicts import act
from worker_runtime import (
    Batch,
    Change,
    Kinesis,
    Record,
    Reject,
    Retry,
    Sqs,
    Stack,
    TableStream,
    Worker,
    worker,
)
from worker_runtime.errors import BatchFailed, UnrecognisedEvent
from worker_runtime.testing import RecordingSender, change, kinesis_record, message, run_on, table_event

if TYPE_CHECKING:
    from collections.abc import Callable

STACK = Stack("properties")
VERDICTS = st.sampled_from(
    ["done", "skip", "retry", "retry_in", "defer", "reject", "halt", "bug", "garbage", "lone"]
)
PAYLOADS = {"garbage": "{not json", "lone": '"\ud800"'}
UNDECODABLE = {"garbage", "lone"}
AGAIN = {"retry", "retry_in", "halt", "bug"}


class Seen:
    """What a worker was handed, in the order in which it began."""

    def __init__(self) -> None:
        self.order: list[tuple[str, int]] = []
        self._lock = threading.Lock()

    def add(self, lane: str, at: int) -> None:
        with self._lock:
            self.order.append((lane, at))

    def of(self, lane: str) -> list[int]:
        return [at for each, at in self.order if each == lane]


def queue_event(plan: list[tuple[str, str]], queue: str) -> dict[str, Any]:
    fifo = queue.endswith(".fifo")
    return {
        "Records": [
            message(
                PAYLOADS.get(verdict, f'{{"lane":"{lane}","at":{at},"verdict":"{verdict}"}}'),
                at=at,
                queue=queue,
                group=lane if fifo else None,
            )
            for at, (lane, verdict) in enumerate(plan)
        ]
    }


def run_queue(
    source: Sqs, plan: list[tuple[str, str]], *, concurrency: int, sender: RecordingSender
) -> tuple[Any, Seen]:
    seen = Seen()

    @worker(source, stack=STACK, concurrency=concurrency)
    def act_on(order: dict[str, Any]) -> None:
        """Do what the body says."""
        seen.add(order["lane"], order["at"])
        act(order["verdict"])

    reply = run_on(act_on, queue_event(plan, source.queue), sender=sender)
    listed = {item["itemIdentifier"] for item in reply["batchItemFailures"]}
    ids = [record["messageId"] for record in queue_event(plan, source.queue)["Records"]]
    return [ids.index(name) for name in listed], seen


LANES = st.sampled_from(["a", "b", "c"])
PLANS = st.lists(st.tuples(LANES, VERDICTS), min_size=1, max_size=12)
CONCURRENCY = st.sampled_from([1, 8])


@given(plan=PLANS, concurrency=CONCURRENCY, broken=st.booleans())
def test_a_queue_s_record_is_acknowledged_only_once_it_is_done_or_sent_on(
    plan: list[tuple[str, str]], concurrency: int, broken: bool
) -> None:
    sender = RecordingSender(broken=["work", "dead"] if broken else [])

    listed, seen = run_queue(Sqs("work", dead_letters="dead"), plan, concurrency=concurrency, sender=sender)

    began = {at for _, at in seen.order}
    halted = any(verdict == "halt" for _, verdict in plan)
    sent_on = {"reject", "defer"} | UNDECODABLE
    expected_sends = 0
    for at, (_, verdict) in enumerate(plan):
        reached = at in began or (verdict in UNDECODABLE and not halted)
        if verdict in AGAIN or (verdict in sent_on and broken):
            assert at in listed
        elif not halted:
            assert at not in listed
            expected_sends += verdict in sent_on
        elif not reached and verdict not in UNDECODABLE:
            assert at in listed
    if not halted:
        assert len(sender.sent) == expected_sends


@given(plan=PLANS, concurrency=CONCURRENCY, broken=st.booleans())
def test_no_message_of_a_group_overtakes_and_a_failed_one_takes_its_followers_along(
    plan: list[tuple[str, str]], concurrency: int, broken: bool
) -> None:
    sender = RecordingSender(broken=["dead.fifo"] if broken else [])
    source = Sqs("work.fifo", max_receives=10, dead_letters="dead.fifo")

    listed, seen = run_queue(source, plan, concurrency=concurrency, sender=sender)

    failing = AGAIN | {"defer"} | ({"reject"} | UNDECODABLE if broken else set())
    halted = any(verdict == "halt" for _, verdict in plan)
    for lane in {lane for lane, _ in plan}:
        members = [at for at, (each, _) in enumerate(plan) if each == lane]
        began = seen.of(lane)
        failed = [at for at in members if plan[at][1] in failing]
        again = [at for at in members if at in listed]
        assert began == sorted(began)
        assert again == members[len(members) - len(again) :]
        assert not failed or not [at for at in began if at > failed[0]]
        if not halted:
            assert again == (members[members.index(failed[0]) :] if failed else [])


def run_table(
    plan: list[tuple[str, str]], *, concurrency: int, sender: RecordingSender, on_failure: Any
) -> tuple[int, Seen]:
    seen = Seen()

    @worker(
        TableStream("table", dead_letters="dead", on_failure=on_failure), stack=STACK, concurrency=concurrency
    )
    def act_on(changed: Change[dict[str, Any]]) -> None:
        """Do what the item says."""
        assert changed.new is not None
        seen.add(changed.new["PK"], changed.new["at"])
        act(changed.new["verdict"])

    changes = [
        change(new={"PK": lane, "SK": "-", "at": at, "verdict": verdict}, at=at)
        for at, (lane, verdict) in enumerate(plan)
    ]
    for at, (_, verdict) in enumerate(plan):
        if verdict in UNDECODABLE:
            changes[at]["dynamodb"]["NewImage"]["at"] = {"N": "no number"}
    return checkpoint_of(act_on, table_event(*changes), sender=sender), seen


def run_kinesis(
    plan: list[tuple[str, str]], *, concurrency: int, sender: RecordingSender, on_failure: Any
) -> tuple[int, Seen]:
    seen = Seen()

    @worker(
        Kinesis("stream", dead_letters="dead", on_failure=on_failure), stack=STACK, concurrency=concurrency
    )
    def act_on(order: dict[str, Any]) -> None:
        """Do what the data says."""
        seen.add(order["lane"], order["at"])
        act(order["verdict"])

    records = [
        kinesis_record(
            PAYLOADS.get(verdict, {"lane": lane, "at": at, "verdict": verdict}), at=at, partition_key=lane
        )
        for at, (lane, verdict) in enumerate(plan)
    ]
    return checkpoint_of(act_on, {"Records": records}, sender=sender), seen


def checkpoint_of(act_on: Worker[..., Any], event: Any, *, sender: RecordingSender) -> int:
    """Run a stream's worker; the position from which AWS goes on."""
    try:
        reply = run_on(act_on, event, sender=sender)
    except Exception:
        return 0
    numbers = [record.id for record in act_on.declaration.sources[0].records(event)]
    return min(
        (numbers.index(item["itemIdentifier"]) for item in reply["batchItemFailures"]), default=len(numbers)
    )


@pytest.mark.parametrize("run", [run_table, run_kinesis])
@given(
    plan=PLANS,
    concurrency=CONCURRENCY,
    broken=st.booleans(),
    on_failure=st.sampled_from(["stop", "continue"]),
)
def test_a_stream_goes_on_from_its_lowest_failure_and_no_lane_overtakes(
    run: Callable[..., tuple[int, Seen]],
    plan: list[tuple[str, str]],
    concurrency: int,
    broken: bool,
    on_failure: str,
) -> None:
    sender = RecordingSender(broken=["dead"] if broken else [])

    checkpoint, seen = run(plan, concurrency=concurrency, sender=sender, on_failure=on_failure)

    failing = AGAIN | {"defer"} | ({"reject"} | UNDECODABLE if broken else set())
    failed = [at for at, (_, verdict) in enumerate(plan) if verdict in failing]
    began = {at for _, at in seen.order}
    assert checkpoint <= min(failed, default=len(plan))
    assert failed or checkpoint == len(plan)
    for at, (_, verdict) in enumerate(plan[:checkpoint]):
        assert at in began or verdict in UNDECODABLE
    for lane in {lane for lane, _ in plan}:
        order = seen.of(lane)
        lane_failed = [at for at in failed if plan[at][0] == lane]
        assert order == sorted(order)
        assert not lane_failed or not [at for at in order if at > lane_failed[0]]
    if concurrency == 1 and on_failure == "stop":
        assert checkpoint == min(failed, default=len(plan))
    rejected = [at for at in range(checkpoint) if plan[at][1] in {"reject"} | UNDECODABLE]
    assert len(sender.sent) >= len(rejected)


MARKS = st.lists(st.sampled_from(["none", "retry", "reject", "skip", "garbage"]), min_size=1, max_size=10)


@given(marks=MARKS, raises=st.booleans())
def test_a_batch_worker_fails_what_it_marks_and_when_it_raises_all_it_did_not_mark(
    marks: list[str], raises: bool
) -> None:
    sender = RecordingSender()

    @worker(Sqs("work", dead_letters="dead"), stack=STACK)
    def mark(batch: Batch[dict[str, Any]]) -> None:
        """Mark each record as its body says."""
        for record in batch:
            match record.body["mark"]:
                case "retry":
                    batch.retry(record)
                case "reject":
                    batch.reject(record, "TOLD_TO")
                case "skip":
                    batch.skip(record, "told to")
        if raises:
            raise RuntimeError("the batch broke")

    records = [message("{" if m == "garbage" else {"mark": m}, at=at) for at, m in enumerate(marks)]
    reply = run_on(mark, {"Records": records}, sender=sender)

    listed = {item["itemIdentifier"] for item in reply["batchItemFailures"]}
    again = {"retry"} | ({"none"} if raises else set())
    assert listed == {r["messageId"] for r, m in zip(records, marks, strict=True) if m in again}
    assert len(sender.sent) == sum(m in {"reject", "garbage"} for m in marks)


def test_a_verdict_that_is_returned_by_a_slip_is_one_all_the_same() -> None:
    @worker(Sqs("work", dead_letters="dead"), stack=STACK)
    def slip(order: dict[str, float]) -> object:
        """Return what should have been raised."""
        return Retry(order["after_s"])

    reply = run_on(slip, {"Records": [message({"after_s": 5}, at=1)]})

    assert len(reply["batchItemFailures"]) == 1


def test_a_verdict_over_a_batch_of_one_is_that_record_s_so_that_bisect_can_find_poison() -> None:
    sender = RecordingSender()

    @worker(TableStream("table", dead_letters="dead"), stack=STACK)
    def refuse(batch: Batch[Change[dict[str, Any]]]) -> None:
        """Refuse everything."""
        raise Reject("TOLD_TO", str(len(batch)))

    both = [change(new={"PK": "a", "SK": "-", "at": at}, at=at) for at in range(2)]
    with pytest.raises(BatchFailed):
        run_on(refuse, table_event(*both), sender=sender)
    assert sender.sent == []

    reply = run_on(refuse, table_event(both[0]), sender=sender)

    assert reply == {"batchItemFailures": []}
    assert [queue for queue, _ in sender.sent] == ["dead"]


@given(
    body=st.text(st.characters(), max_size=200) | st.binary(max_size=80).map(lambda b: b.decode("latin-1"))
)
@settings(max_examples=200)
def test_a_garbage_body_fails_as_itself_and_its_neighbours_do_not(body: str) -> None:
    sender = RecordingSender()
    taken: list[str] = []

    @worker(Sqs("work", dead_letters="dead"), stack=STACK)
    def take(record: Record[dict[str, int]]) -> None:
        """Note what could be decoded."""
        taken.append(record.id)

    event = {"Records": [message({"n": 0}, at=0), message(body, at=1), message({"n": 2}, at=2)]}
    reply = run_on(take, event, sender=sender)

    assert reply == {"batchItemFailures": []}
    assert len(taken) + len(sender.sent) == 3
    assert event["Records"][0]["messageId"] in taken
    assert event["Records"][2]["messageId"] in taken


@given(
    event=st.recursive(
        st.none() | st.booleans() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["Records", "eventSource", "body", "x"]), inner)
        ),
    )
)
def test_an_event_of_any_shape_is_refused_by_name_or_raised_never_acknowledged_unread(event: Any) -> None:
    @worker(Sqs("work", dead_letters="dead"), stack=STACK)
    def take(payload: dict[str, int]) -> None:
        """Take nothing."""

    if isinstance(event, dict) and event.get("Records") == []:
        assert run_on(take, event) == {"batchItemFailures": []}
    else:
        with pytest.raises(UnrecognisedEvent, match=r"test\.take takes sqs work"):
            run_on(take, event)
