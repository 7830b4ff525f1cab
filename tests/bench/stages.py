"""Where a batch's time goes, stage by stage, in nanoseconds a record: ``python tests/bench/stages.py``.

Each stage is timed by itself, warm, its best of many rounds; what is left is the loop around them.
"""

from __future__ import annotations

import io
import json
import sys
import time
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import ours
from lambda_context import CONTEXT
from sample_events import carried_text, changes_text, kinesis_text, sqs_text

from worker_runtime.outcomes import DONE
from worker_runtime.runtime import composed
from worker_runtime.testing import RecordingSender, ready

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.workers import Worker

RECORDS = 1000
ROUNDS = 100


def stages(declared: Worker[..., Any], event: Any) -> dict[str, float]:
    """Time the stages of one worker's batch."""
    loaded = ready(declared)
    route = loaded.routes[0]
    source = route.source
    decode = source.decoder(loaded.declaration.model)
    records = source.records(event)
    bodies = [decode(record) for record in records]
    run = composed(loaded, sender=RecordingSender())
    function = declared.function
    ns = {
        "records": _ns(lambda: source.records(event)),
        "decode": _ns(lambda: _each(decode, records)),
        "call": _ns(lambda: _each(function, bodies)),
        "outcomes, reply": _ns(lambda: source.reply(records, [DONE] * RECORDS)),
    }
    whole = _ns(lambda: run(event, CONTEXT))
    return {**ns, "loop, report, metrics": whole - sum(ns.values()), "whole": whole}


def _each(function: Callable[[Any], Any], given: list[Any]) -> None:
    for one in given:
        function(one)


def _ns(call: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        with redirect_stdout(io.StringIO()):
            began = time.perf_counter_ns()
            call()
            best = min(best, time.perf_counter_ns() - began)
    return best / RECORDS


def main() -> None:
    batches: tuple[tuple[str, Worker[..., Any], str], ...] = (
        ("SQS", ours.take_message, sqs_text(RECORDS)),
        ("Kinesis", ours.take_datum, kinesis_text(RECORDS)),
        ("DynamoDB stream", ours.take_change, changes_text(RECORDS)),
        ("changes over Kinesis", ours.take_carried_change, carried_text(RECORDS)),
    )
    for path, declared, text in batches:
        told = ", ".join(f"{name} {ns:,.0f}" for name, ns in stages(declared, json.loads(text)).items())
        sys.stdout.write(f"{path}: {told}\n")


if __name__ == "__main__":
    main()
