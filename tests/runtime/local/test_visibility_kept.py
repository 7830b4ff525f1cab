"""The visibility book of a stage that goes on: who was in hand comes at once, who was put off when due."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from staged import eventually
from worker_runtime.clock import ScaledClock
from worker_runtime.local.stage.keeping.sqlite_memory import SqliteMemories
from worker_runtime.local.stage.polling.visibility import VisibilityBook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from worker_runtime.local.stage.keeping.memory import Memory

QUEUE = "http://127.0.0.1/work"
SPEED = 100.0


class Queue:
    """SQS as far as the book asks it: remembers what was made visible, and when."""

    def __init__(self) -> None:
        self.visible: dict[str, float] = {}

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: Any) -> Any:  # noqa: N803, ARG002 - boto3's
        self.visible.update({each["ReceiptHandle"]: time.time() for each in Entries})
        return {"Successful": Entries}


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with SqliteMemories(tmp_path / "kept.sqlite") as memories:
        yield memories.of("visibility")


def book(queue: Queue, memory: Memory | None, clock: ScaledClock) -> VisibilityBook:
    return VisibilityBook(queue, clock=clock, memory=memory)  # type: ignore[arg-type]  # as much of SQS as it asks


@pytest.fixture
def clock() -> ScaledClock:
    return ScaledClock(SPEED, origin=time.time())


def test_what_was_in_hand_is_visible_at_once_and_what_was_put_off_when_it_is_due(
    memory: Memory, clock: ScaledClock
) -> None:
    queue, began = Queue(), time.time()
    killed = book(queue, memory, clock)  # not started: its thread would live on here, unlike in a stage
    killed.enter(QUEUE, ["in hand", "put off", "deleted"], visibility_s=600)
    killed.change("put off", timeout_s=60)
    killed.let_go(["put off"])
    killed.strike(["deleted"])

    with book(queue, memory, clock):
        eventually(lambda: "put off" in queue.visible)

    assert queue.visible.keys() == {"in hand", "put off"}
    assert queue.visible["in hand"] < queue.visible["put off"]
    assert queue.visible["put off"] - began >= 60 / SPEED


def test_a_stage_that_is_stopped_leaves_what_was_put_off_to_the_next(
    memory: Memory, clock: ScaledClock
) -> None:
    queue = Queue()
    with book(queue, memory, clock) as first:
        first.enter(QUEUE, ["put off"], visibility_s=60)
        first.let_go(["put off"])
    stopped = dict(queue.visible)

    with book(queue, memory, clock):
        eventually(lambda: "put off" in queue.visible)
    with book(Queue(), memory, clock) as third:
        left = third.due_at("put off")

    assert (stopped, left) == ({}, 0.0)


def test_a_stage_that_does_not_go_on_leaves_nothing_hidden(clock: ScaledClock) -> None:
    queue = Queue()

    with book(queue, None, clock) as only:
        only.enter(QUEUE, ["in hand"], visibility_s=600)

    assert queue.visible.keys() == {"in hand"}
