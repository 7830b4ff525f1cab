"""The queue of events that wait for their short link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from worker_runtime.clients.sqs import Message
from workers_dmnd.models import ShortUrlMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime import Verdict
    from worker_runtime.clients.sqs import Queue


class SqsShortUrlQueue:
    """Serves ``ShortUrlQueue``: one message an event, its correlation id beside the body."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def enqueue(self, events: Mapping[str, str]) -> dict[str, Verdict]:
        """Enqueue events (id to correlation id) and return, by id, why some were not."""
        failures = self._queue.send([_message(*event) for event in events.items()])
        return {event: failure for event, failure in zip(events, failures, strict=True) if failure}


def _message(event_id: str, correlation_id: str) -> Message:
    body = msgspec.json.encode(ShortUrlMessage.of(event_id)).decode()
    return Message(body, attributes={"correlationId": correlation_id})
