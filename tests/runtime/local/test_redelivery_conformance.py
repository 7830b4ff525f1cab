"""What the stage's pollers deliver again after each recorded reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from conformance import recorded
from known_gaps import cases
from listed import ListedStream, PolledList
from staged import ScriptedFunction
from worker_runtime import Kinesis, Sqs, TableStream
from worker_runtime.local.stage.execution.answers import Reply

if TYPE_CHECKING:
    from pathlib import Path

    from worker_runtime.sources.streams import StreamSource

CASES = [case for case in recorded("batch_cases.json") if case["kind"] == "esm_response"]
QUEUES = [case for case in CASES if case["source"] == "sqs"]
STREAMS = [case for case in CASES if case["source"] != "sqs"]


def named(batch: list[Any]) -> list[str]:
    """Name the records of a batch as replies do."""
    return [
        record.get("messageId")
        or record.get("kinesis", {}).get("sequenceNumber")
        or record["dynamodb"]["SequenceNumber"]
        for record in batch
    ]


def answers_once(case: dict[str, Any]) -> ScriptedFunction:
    """Give the recorded reply to the first invocation, and to all others that all is well."""
    text = case["function_response_text"].encode()
    replies = [Reply(text)]
    return ScriptedFunction(lambda _: replies.pop() if replies else None)


def stream_of(case: dict[str, Any]) -> tuple[StreamSource, ListedStream]:
    records = case["event"]["Records"]
    start: Any = {"start": "TRIM_HORIZON", "dead_letters": "dead", "bisect": False}
    if case["source"] == "kinesis":
        return Kinesis("listed", **start), ListedStream(records, info="KinesisBatchInfo")
    return TableStream("listed", **start), ListedStream(records, info="DDBStreamBatchInfo")


@pytest.mark.parametrize("case", cases(QUEUES))
def test_a_queue_delivers_again_what_lambda_was_recorded_to(case: dict[str, Any]) -> None:
    polled = PolledList(answers_once(case))
    for record in case["event"]["Records"]:
        polled.queue.send(record["body"], message_id=record["messageId"])

    polled.poll_queue(Sqs("listed"))

    first, *again = map(named, polled.function.batches)
    assert first == named(case["event"]["Records"])
    assert [name for batch in again for name in batch] == case["expected_effect"]["redelivered"]
    assert polled.queue.bodies() == []


@pytest.mark.parametrize("case", cases(STREAMS))
def test_a_stream_delivers_again_what_lambda_was_recorded_to(case: dict[str, Any], tmp_path: Path) -> None:
    polled = PolledList(answers_once(case))
    source, feed = stream_of(case)

    polled.poll_stream(source, feed, folder=tmp_path)

    first, *again = map(named, polled.function.batches)
    assert first == named(case["event"]["Records"])
    assert [name for batch in again for name in batch] == case["expected_effect"]["redelivered"]
    assert polled.given_up.bodies() == []
