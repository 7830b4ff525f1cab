"""1,000 SQS messages, three fields read: ours beside Powertools' BatchProcessor and a bare loop."""

from __future__ import annotations

import io
import json
import statistics
import sys
import time
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from msgspec import Struct

from worker_runtime import Sqs, Stack, worker
from worker_runtime.runtime import run
from worker_runtime.testing import Context, RecordingSender, ready, sqs_event

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 15
EVENT = sqs_event(*({"id": str(n), "kind": "order", "amount": n, "note": "x" * 60} for n in range(1000)))


class Order(Struct):
    id: str
    kind: str
    amount: int


@worker(Sqs("orders", dead_letters="orders-dlq"), stack=Stack("bench"))
def take(order: Order) -> None:
    """Read three fields."""
    _ = order.id, order.kind, order.amount


LOADED = ready(take)
SENDER = RecordingSender()
CONTEXT: Any = Context(remaining_s=60)
PROCESSOR = BatchProcessor(event_type=EventType.SQS)


def ours() -> None:
    run(LOADED, EVENT, context=CONTEXT, sender=SENDER)


def powertools() -> None:
    process_partial_response(event=EVENT, record_handler=_read, processor=PROCESSOR, context=CONTEXT)


def _read(record: Any) -> None:
    body = record.json_body
    _ = body["id"], body["kind"], body["amount"]


def bare_loop() -> None:
    for record in EVENT["Records"]:
        body = json.loads(record["body"])
        _ = body["id"], body["kind"], body["amount"]


def median_ms(candidates: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Time the candidates in interleaved rounds, so that a noisy neighbour is noisy for all."""
    took: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, candidate in candidates.items():
            with redirect_stdout(io.StringIO()):
                began = time.perf_counter()
                candidate()
                took[name].append((time.perf_counter() - began) * 1000)
    return {name: statistics.median(times) for name, times in took.items()}


def main() -> None:
    medians = median_ms({"worker_runtime": ours, "powertools": powertools, "bare loop": bare_loop})
    for name, took_ms in medians.items():
        ratio = medians["powertools"] / took_ms
        sys.stdout.write(f"sqs batch of 1000  {name:15} {took_ms:8.2f} ms  {ratio:5.1f}x powertools\n")


if __name__ == "__main__":
    main()
