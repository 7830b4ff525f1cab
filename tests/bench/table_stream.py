"""1,000 table changes, three fields of a 17-attribute item read: ours beside Powertools' data classes."""

from __future__ import annotations

import sys
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from dynamodb_json import ITEM
from msgspec import Struct
from sqs_batch import CONTEXT, SENDER, median_ms

from worker_runtime import Change, Stack, TableStream, worker
from worker_runtime.runtime import run
from worker_runtime.testing import change, ready, table_event

RECORD = change(new={"PK": "1", "SK": "2"}, old={"PK": "1", "SK": "2"})
IMAGES = {"Keys": {"PK": ITEM["PK"], "SK": ITEM["SK"]}, "NewImage": ITEM, "OldImage": ITEM}
EVENT = table_event(
    *(
        {**RECORD, "dynamodb": {**RECORD["dynamodb"], **IMAGES, "SequenceNumber": str(10**20 + at)}}
        for at in range(1000)
    )
)


class Sale(Struct):
    id: str
    name: str
    version: int


@worker(TableStream("sales", dead_letters="sales-dlq", batch_size=1000), stack=Stack("bench"))
def take(sale: Change[Sale]) -> None:
    """Read three fields of the new image."""
    if sale.new is not None:
        _ = sale.new.id, sale.new.name, sale.new.version


LOADED = ready(take)
PROCESSOR = BatchProcessor(event_type=EventType.DynamoDBStreams)


def ours() -> None:
    run(LOADED, EVENT, context=CONTEXT, sender=SENDER)


def powertools() -> None:
    process_partial_response(event=EVENT, record_handler=_read, processor=PROCESSOR, context=CONTEXT)


def _read(record: Any) -> None:
    item = record.dynamodb.new_image
    _ = item["id"], item["name"], item["version"]


def main() -> None:
    medians = median_ms({"worker_runtime": ours, "powertools": powertools})
    for name, took_ms in medians.items():
        ratio = medians["powertools"] / took_ms
        sys.stdout.write(f"table changes, 1000  {name:15} {took_ms:8.2f} ms  {ratio:5.1f}x powertools\n")


if __name__ == "__main__":
    main()
