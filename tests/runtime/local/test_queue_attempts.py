"""What is tried of a queue, in which parts, and what comes again: on a listed queue whose time jumps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from listed import ORIGIN, PolledList
from staged import ScriptedFunction, failed
from worker_runtime import Sqs
from worker_runtime.local.stage.execution.answers import Reply, Throttled

if TYPE_CHECKING:
    from collections.abc import Sequence

FIFO = Sqs("listed.fifo", batch_size=10, max_receives=10, dead_letters="dead.fifo")
TWO_RECORDS = 3_500  # bytes
LARGE = " " * 1_000


class Once:
    """Does not do one message when it comes first, but ``instead``; all others are done."""

    def __init__(self, body: str, instead: str) -> None:
        self.done: list[str] = []
        self._body = body
        self._instead = instead

    def __call__(self, records: list[Any]) -> Any:
        bodies = [each["body"].strip() for each in records]
        at = bodies.index(self._body) if self._body in bodies and self._instead else None
        if at is None:
            self.done += bodies
            return None
        instead, self._instead = self._instead, ""
        if instead == "raise":
            raise RuntimeError
        if instead == "throttle":
            return Throttled()
        group = records[at]["attributes"]["MessageGroupId"]
        behind = [each for each in records[at:] if each["attributes"]["MessageGroupId"] == group]
        self.done += [each["body"].strip() for each in records if each not in behind]
        return failed(*(each["messageId"] for each in behind))


def polled(handle: Once, *messages: tuple[str, str]) -> PolledList:
    """Poll a FIFO queue whose batches are larger than an event until it is empty."""
    polled = PolledList(ScriptedFunction(handle))
    for body, group in messages:
        polled.queue.send(body + LARGE, group=group, dedup=body)
    polled.poll_queue(FIFO, payload_bytes=TWO_RECORDS)
    return polled


class Busy:
    """Takes ten seconds for a batch, answers as planned, and remembers how many were in flight at once."""

    def __init__(self, *answers: Any) -> None:
        self.at_once: list[int] = []
        self.began: list[float] = []
        self.polled = PolledList(ScriptedFunction(self))
        self._answers = list(answers)
        self._in_flight = 0

    def __call__(self, records: list[Any]) -> Any:
        answer = self._answers.pop(0) if self._answers else None
        self._in_flight += 1
        self.at_once.append(self._in_flight)
        self.began.append(round(self.polled.clock.now() - ORIGIN, 1))
        self.polled.clock.sleep(10)
        self._in_flight -= 1
        if answer == "raise":
            raise RuntimeError
        return failed(*(each["messageId"] for each in records)) if answer == "list" else answer

    def work_off(self, messages: int, **settings: Any) -> list[int]:
        """Poll messages, a batch each, and tell how many batches were in flight as each began."""
        concurrent = settings.pop("concurrent_batches", 5)
        for at in range(messages):
            self.polled.queue.send(f"m{at}")
        self.polled.poll_queue(Sqs("listed", batch_size=1, **settings), concurrent_batches=concurrent)
        return self.at_once


def parts(polled: PolledList) -> list[Sequence[str]]:
    return [[each["body"].strip() for each in batch] for batch in polled.function.batches]


@pytest.mark.parametrize("instead", ["list", "raise", "throttle"])
def test_a_fifo_group_keeps_its_order_where_a_batch_is_larger_than_an_event(instead: str) -> None:
    handle = Once("a2", instead)

    polled(handle, *((f"a{at}", "a") for at in range(6)))

    assert handle.done == ["a0", "a1", "a2", "a3", "a4", "a5"]


def test_other_groups_of_a_batch_go_on_past_the_one_that_failed() -> None:
    handle = Once("a1", "list")

    tried = polled(handle, ("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b"), ("a3", "a"), ("b3", "b"))

    assert parts(tried) == [["a1", "b1"], ["b2", "b3"], ["a1", "a2"], ["a3"]]


def test_what_was_received_behind_a_failure_has_spent_a_receive() -> None:
    tried = polled(Once("a1", "raise"), ("a1", "a"), ("a2", "a"), ("a3", "a"))

    receives = {
        each["body"].strip(): each["attributes"]["ApproximateReceiveCount"] for each in tried.function.records
    }
    assert receives == {"a1": "2", "a2": "2", "a3": "2"}


def test_batches_that_raise_let_fewer_be_in_flight_down_to_one() -> None:
    at_once = Busy(*["raise"] * 15).work_off(5)

    assert at_once[:5] == [1, 2, 3, 4, 5]
    assert at_once[5:15] == [1] * 10


def test_each_batch_that_returns_gives_a_place_back() -> None:
    at_once = Busy(*["raise"] * 5).work_off(30)

    assert at_once[:5] == [1, 2, 3, 4, 5]
    assert at_once[5] == 1
    assert max(at_once[6:12]) == 4
    assert max(at_once) == 5


@pytest.mark.parametrize("answer", ["list", Reply(b"no JSON")], ids=["a list", "a malformed reply"])
def test_a_reply_slows_nothing_down_whatever_it_says(answer: Any) -> None:
    at_once = Busy(*[answer] * 5).work_off(15)

    assert at_once[5:] == [5] * 15


def test_throttles_let_fewer_be_in_flight_too() -> None:
    at_once = Busy(*[Throttled()] * 5).work_off(15)

    assert min(at_once[5:]) < max(at_once[:5])


def test_while_messages_wait_five_more_batches_a_second_are_in_flight() -> None:
    busy = Busy()

    busy.work_off(60, concurrent_batches=30)

    first = busy.began[0]
    assert [round(at - first, 1) for at in busy.began[:30]] == [*5 * [0.0], *(at / 5 for at in range(1, 26))]
    assert max(busy.at_once) == 30


@pytest.mark.parametrize(("allowed", "most"), [(None, 8), (50, 8), (3, 3)])
def test_the_stage_s_bound_and_the_source_s_own_hold(allowed: int | None, most: int) -> None:
    at_once = Busy().work_off(40, max_concurrency=allowed, concurrent_batches=8)

    assert max(at_once) == most
