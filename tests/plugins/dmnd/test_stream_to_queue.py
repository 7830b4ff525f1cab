from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker_runtime import Batch, Halt, Metrics, Reject, Retry
from worker_runtime.testing import RecordingSender, change, run_on, table_event
from workers_dmnd.services import ShortUrlQueue
from workers_dmnd.stream_to_queue import demand_stream_to_sqs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from worker_runtime import Verdict

RECORDED = Path(__file__).parents[2] / "events" / "dmnd_event_change_kinesis.json"


class FakeQueue:
    """Remembers events and their correlation ids; refuses those it is told to."""

    def __init__(self, refused: Mapping[str, Verdict] | None = None) -> None:
        self.queued: dict[str, str] = {}
        self._refused = refused or {}

    def enqueue(self, events: Mapping[str, str]) -> dict[str, Verdict]:
        self.queued |= {event: by for event, by in events.items() if event not in self._refused}
        return {event: why for event, why in self._refused.items() if event in events}


def event_item(event_id: str, **more: Any) -> dict[str, Any]:
    return {
        "PK": f"EVENT#{event_id}",
        "SK": "EVENT",
        "type": "event",
        "id": event_id,
        "url": f"https://www.ticketmaster.com/event/{event_id}",
        "isSuppressed": False,
        **more,
    }


def kinesis(changed: Mapping[str, Any], *, at: int) -> dict[str, Any]:
    """Carry a change as Kinesis does."""
    data = {**changed, "tableName": "demand-table", "recordFormat": "application/json"}
    return {
        "eventSource": "aws:kinesis",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/dmnd-table-stream",
        "eventID": f"shardId-000000000000:{at}",
        "kinesis": {
            "sequenceNumber": str(at),
            "partitionKey": "k",
            "approximateArrivalTimestamp": 1_700_000_000.0,
            "data": b64encode(json.dumps(data).encode()).decode(),
        },
    }


def run(event: Any, queue: FakeQueue, *, sender: RecordingSender | None = None) -> Any:
    return run_on(demand_stream_to_sqs, event, services={ShortUrlQueue: queue}, sender=sender)


def test_a_changed_event_is_queued_with_its_correlation_id() -> None:
    queue = FakeQueue()

    reply = run(table_event(change(new=event_item("e1", correlationId="import-7"))), queue)

    assert reply == {"batchItemFailures": []}
    assert queue.queued == {"e1": "import-7"}


def test_an_event_that_changed_often_is_queued_once_for_its_newest_change() -> None:
    queue = FakeQueue()
    changes = [change(new=event_item("e1", correlationId=f"edit-{at}"), at=at) for at in (2, 9, 4)]
    for changed, created_at in zip(changes, (200, 900, 400), strict=True):
        changed["dynamodb"]["ApproximateCreationDateTime"] = created_at

    run(table_event(*changes), queue)

    assert queue.queued == {"e1": "edit-9"}


def test_a_change_that_comes_twice_is_queued_once() -> None:
    queue = FakeQueue()
    same = change(new=event_item("e1", correlationId="c"))

    run(table_event(same, same), queue)

    assert queue.queued == {"e1": "c"}


def test_a_removal_is_passed_over() -> None:
    queue = FakeQueue()

    reply = run(table_event(change(old=event_item("gone")), change(new=event_item("e1"), at=1)), queue)

    assert reply == {"batchItemFailures": []}
    assert list(queue.queued) == ["e1"]


def test_an_event_that_was_not_queued_fails_with_all_of_its_changes() -> None:
    queue = FakeQueue({"e2": Retry(reason="sqs is busy")})
    changes = [change(new=event_item(name), at=at) for at, name in enumerate(("e1", "e2", "e3", "e2"))]

    reply = run(table_event(*changes), queue)

    assert list(queue.queued) == ["e1", "e3"]
    assert reply == {"batchItemFailures": [{"itemIdentifier": changes[1]["dynamodb"]["SequenceNumber"]}]}


def test_a_message_that_sqs_will_never_take_is_dead_lettered() -> None:
    queue, sender = FakeQueue({"e2": Reject("INVALID_MESSAGE_CONTENTS")}), RecordingSender()
    changes = [change(new=event_item(name), at=at) for at, name in enumerate(("e1", "e2"))]

    reply = run(table_event(*changes), queue, sender=sender)

    assert reply == {"batchItemFailures": []}
    ((to, letter),) = sender.sent
    assert to == "demand-stream-to-sqs-dlq"
    assert "INVALID_MESSAGE_CONTENTS" in letter.body


def test_a_queue_that_may_not_be_used_loses_no_change() -> None:
    queue, sender = FakeQueue({"e1": Halt("sqs: access denied")}), RecordingSender()
    changed = change(new=event_item("e1"))

    reply = run(table_event(changed), queue, sender=sender)

    assert reply == {"batchItemFailures": [{"itemIdentifier": changed["dynamodb"]["SequenceNumber"]}]}
    assert sender.sent == []


def test_an_unreadable_change_goes_to_the_dead_letters_and_the_others_flow() -> None:
    queue, sender = FakeQueue(), RecordingSender()
    poison = change(new=event_item("e2", isSuppressed="perhaps"), at=1)
    changes = [change(new=event_item("e1")), poison, change(new=event_item("e3"), at=2)]

    reply = run(table_event(*changes), queue, sender=sender)

    assert reply == {"batchItemFailures": []}
    assert list(queue.queued) == ["e1", "e3"]
    assert [to for to, _ in sender.sent] == ["demand-stream-to-sqs-dlq"]


def test_changes_that_kinesis_carries_are_the_same() -> None:
    queue = FakeQueue({"e2": Retry()})
    records = [kinesis(change(new=event_item(name)), at=at) for at, name in enumerate(("e1", "e2"), 7)]

    reply = run({"Records": records}, queue)

    assert queue.queued == {"e1": "7"}  # what has no correlation id is known by its sequence number
    assert reply == {"batchItemFailures": [{"itemIdentifier": "8"}]}


def test_what_was_queued_and_what_was_saved_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    queue = FakeQueue({"e3": Reject("TOO_LONG")})
    changes = [change(new=event_item(name), at=at) for at, name in enumerate(("e1", "e2", "e1", "e3"))]

    run(table_event(*changes), queue)

    measured = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (measured["EventsEnqueued"], measured["EventsDeduped"]) == ([2], [1])


def test_it_is_called_like_any_function(metrics: Metrics) -> None:
    queue = FakeQueue()

    demand_stream_to_sqs(Batch([]), queue=queue, metrics=metrics)

    assert queue.queued == {}


def test_the_recorded_event_is_understood() -> None:
    queue = FakeQueue()

    reply = run(json.loads(RECORDED.read_text()), queue)

    assert reply == {"batchItemFailures": []}
    assert queue.queued == {
        "vvG1iZ9Y7eXJ1k": "4f0c6c2e-1d3b-4d1e-9a77-2f4f6f2f9b10",
        "vvG1iZ9Y7eXJ2m": "import-2026-02-03",
    }
