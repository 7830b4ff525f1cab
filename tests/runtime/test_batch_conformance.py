"""What is redelivered, against cases from AWS's documentation and recordings.

Stream cases run with a dead-letter queue that is out of reach, since a poison change would otherwise
be acknowledged. Left out are the cases that switch ReportBatchItemFailures off: ours never do. No
recorded FIFO case asks for more of the batch than the failed group, so none needs an exception.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Struct

from conformance import params, recorded
from worker_runtime import Change, Kinesis, Sqs, Stack, TableStream, Worker, worker
from worker_runtime.testing import RecordingSender, run_on

STACK = Stack("conformance")
SOURCES = ("sqs", "sqs_fifo", "kinesis", "dynamodb")
STREAMS = ("kinesis", "dynamodb")


class Image(Struct):
    Message: str


class Model(Struct):
    n: int
    action: str


def fail_if_told(payload: Any) -> None:
    if payload.get("action") == "fail":
        raise RuntimeError("told to fail")


BODIED: dict[str, Sqs | Kinesis] = {
    "sqs": Sqs("my-queue"),
    "sqs_fifo": Sqs("my-queue.fifo", max_receives=10),
    "kinesis": Kinesis("lambda-stream", dead_letters="dead"),
}


def body_worker(source: Sqs | Kinesis, decode: str) -> Worker[..., Any]:
    if decode == "raw":

        @worker(source, stack=STACK)
        def raw(payload: bytes) -> None:
            """Take anything."""

        return raw
    if decode == "model":

        @worker(source, stack=STACK)
        def model(payload: Model) -> None:
            """Take a model, fail where told to."""
            fail_if_told({"action": payload.action})

        return model

    @worker(source, stack=STACK)
    def parsed(payload: dict[str, Any]) -> None:
        """Take JSON, fail where told to."""
        fail_if_told(payload)

    return parsed


def table_worker(decode: str) -> Worker[..., Any]:
    @worker(TableStream("table", dead_letters="dead"), stack=STACK)
    def changed(change: Change[Image]) -> None:
        """Take a change, fail where told to."""
        image = change.new or change.old
        if decode != "raw" and image is not None:
            fail_if_told(json.loads(image.Message))

    return changed


def worker_for(case: dict[str, Any]) -> Worker[..., Any]:
    decode = case["config"]["decode"]
    return body_worker(BODIED[case["source"]], decode) if case["source"] in BODIED else table_worker(decode)


def names(event: Any) -> list[Any]:
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        return []
    return [name(record) for record in records]


def name(record: dict[str, Any]) -> Any:
    match record:
        case {"dynamodb": change}:
            return change["SequenceNumber"]
        case {"kinesis": inner}:
            return inner["sequenceNumber"]
    return record.get("messageId")


def effect(case: dict[str, Any], listed: Any) -> Any:
    """Say ``"all"`` where every record comes again, however that was brought about."""
    every = names(case["event"])
    return "all" if every and listed == every else listed


def redelivered(case: dict[str, Any]) -> list[Any] | str:
    """Run the case and return what AWS would deliver again, ``"all"`` where the invocation raised."""
    try:
        reply = run_on(worker_for(case), case["event"], sender=RecordingSender(broken=["dead"]))
    except Exception:
        return "all"
    listed = [item["itemIdentifier"] for item in reply["batchItemFailures"]]
    every = names(case["event"])
    if case["source"] in STREAMS and listed:
        lowest = min(map(int, listed))
        return [each for each in every if int(each) >= lowest]
    return [each for each in every if each in listed]


CASES = [
    case
    for case in recorded("batch_cases.json")
    if case["kind"] == "handler"
    and case["source"] in SOURCES
    and case["config"]["report_batch_item_failures"]
]


@pytest.mark.parametrize("case", params(CASES, name="name"))
def test_what_is_redelivered_is_what_aws_says(case: dict[str, Any]) -> None:
    got = redelivered(case)

    assert effect(case, got) == effect(case, case["expected_effect"]["redelivered"])
