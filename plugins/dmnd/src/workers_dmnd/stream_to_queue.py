"""Table changes in, messages out: events without a short link are queued to get one."""

from __future__ import annotations

from typing import Final

from worker_runtime import Batch, Change, Metrics, TableStream, sends, worker
from workers_dmnd.models import Event
from workers_dmnd.rules import by_event
from workers_dmnd.services import ShortUrlQueue
from workers_dmnd.stacks import DEMAND

WITHOUT_LINK: Final = {
    "eventName": ["INSERT", "MODIFY"],
    "dynamodb": {
        "NewImage": {
            "type": {"S": ["event"]},
            "isSuppressed": {"BOOL": [False]},
            "shortUrl": {"S": [{"exists": False}]},  # so saving a link does not come round again
        }
    },
}


@worker(
    TableStream(
        "demand-table",
        kinesis="dmnd-table-stream",
        batch_size=1000,
        dead_letters="demand-stream-to-sqs-dlq",
        filters=(WITHOUT_LINK,),
    ),
    stack=DEMAND,
    grants=(sends("event-short-url"),),
    timeout_s=60,
)
def demand_stream_to_sqs(batch: Batch[Change[Event]], *, queue: ShortUrlQueue, metrics: Metrics) -> None:
    """Queue each changed event once to get its short link."""
    changes = by_event(batch)

    failed = queue.enqueue({event: newest.correlation_id for event, (newest, *_) in changes.items()})

    for event, error in failed.items():
        for change in changes[event]:
            batch.fail(change, error)
    metrics.count("EventsEnqueued", len(changes) - len(failed))
    metrics.count("EventsDeduped", sum(map(len, changes.values())) - len(changes))
