"""What is tried of a queue, in which parts, and what comes again: on a listed queue whose time jumps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from listed import PolledList
from staged import ScriptedFunction, failed
from worker_runtime import Sqs
from worker_runtime.local.stage.execution.answers import Throttled

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
