"""A walk meets every letter once, with queues that answer as AWS's many servers may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime.local.dead_letters.walk import Walk, peek

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_sqs import SQSClient


class Queue:
    """Answers receive after receive with what was planned, then with nothing; notes what goes back."""

    def __init__(self, *receives: Sequence[str], counted: int) -> None:
        self.planned = list(receives)
        self.counted = counted
        self.waits: list[int] = []
        self.back: list[str] = []
        self.deleted: list[str] = []

    def get_queue_attributes(self, **_: Any) -> Any:
        return {"Attributes": {"ApproximateNumberOfMessages": str(self.counted)}}

    def receive_message(self, *, WaitTimeSeconds: int, **_: Any) -> Any:  # noqa: N803 - AWS's name
        self.waits.append(WaitTimeSeconds)
        ids = self.planned.pop(0) if self.planned else ()
        receipts = {each: f"{each} at {len(self.waits)}" for each in ids}
        return {
            "Messages": [
                {"MessageId": each, "ReceiptHandle": receipt, "Body": each}
                for each, receipt in receipts.items()
            ]
        }

    def change_message_visibility_batch(self, *, Entries: Any, **_: Any) -> None:  # noqa: N803 - AWS's name
        assert len(Entries) <= 10
        self.back += [entry["ReceiptHandle"] for entry in Entries]

    def delete_message(self, *, ReceiptHandle: str, **_: Any) -> None:  # noqa: N803 - AWS's name
        self.deleted.append(ReceiptHandle)


def sqs(queue: Queue) -> SQSClient:
    made: Any = queue
    return made  # type: ignore[no-any-return] # it is as much of one as a walk needs


def peeked(queue: Queue) -> list[str]:
    return [letter.message_id for letter in peek(sqs(queue), "url")]


def test_one_empty_receive_does_not_end_the_walk_while_letters_are_missing() -> None:
    queue = Queue("ab", "", "c", counted=3)

    assert peeked(queue) == ["a", "b", "c"]


def test_two_empty_receives_in_a_row_end_it() -> None:
    queue = Queue("a", "", "", "b", counted=9)

    assert peeked(queue) == ["a"]


def test_a_queue_that_counts_too_few_is_walked_to_its_end() -> None:
    queue = Queue("ab", "cd", counted=1)

    assert peeked(queue) == ["a", "b", "c", "d"]


def test_an_empty_queue_is_asked_once() -> None:
    queue = Queue(counted=0)

    assert peeked(queue) == []
    assert queue.waits == [1]


def test_a_letter_that_comes_again_is_met_once_and_goes_back_by_its_newest_receipt() -> None:
    queue = Queue("ab", "bc", *["abc"] * 100, counted=3)

    assert peeked(queue) == ["a", "b", "c"]
    assert queue.back == ["a at 3", "b at 3", "c at 3"]


def test_more_letters_than_a_call_takes_go_back() -> None:
    queue = Queue("abcdefghij", "klm", counted=13)

    assert len(peeked(queue)) == len(queue.back) == 13


def test_what_is_taken_out_does_not_go_back() -> None:
    queue = Queue("ab", counted=2)

    with Walk(sqs(queue), "url", visibility_s=30) as walk:
        for letter in walk:
            if letter.message_id == "a":
                walk.take_out(letter)

    assert (queue.deleted, queue.back) == (["a at 1"], ["b at 1"])
