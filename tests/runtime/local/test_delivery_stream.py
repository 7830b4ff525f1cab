"""A delivery stream of the stage: what its worker transforms, fails on, or gives back as failed."""

from __future__ import annotations

import json
from typing import Any

from behind_apis import GoneCallee, ScriptedCallee
from worker_runtime import Firehose
from worker_runtime.clock import SteppedClock
from worker_runtime.local.stage.door.delivery_stream import DeliveryStream
from worker_runtime.local.stage.door.door import Door
from worker_runtime.local.stage.execution.answers import Reply
from worker_runtime.local.stage.execution.invocations import Function

NOW = 1_583_348_638.0
RECORDS = [
    {"recordId": name, "approximateArrivalTimestamp": 1_583_348_637_000, "data": data}
    for name, data in (("one", "YQ=="), ("two", "Yg=="))
]
EVENT = {
    "invocationId": "i",
    "deliveryStreamArn": "arn:aws:firehose:us-east-1:000000000000:deliverystream/local-lines",
    "region": "us-east-1",
    "records": RECORDS,
}


class Bucket:
    """What a stream writes into its bucket, by key."""

    def __init__(self) -> None:
        self.written: dict[str, list[Any]] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803 - boto3's
        assert Bucket == "local-lines-delivered"
        self.written[Key] = [json.loads(line) for line in Body.splitlines()]


def stream_of(worker: Any, bucket: Bucket, *, retries: int = 2) -> DeliveryStream:
    return DeliveryStream(
        Firehose("lines", retries=retries),
        Function(name="local-shop-shout", handler="handler", timeout_s=10),
        door=Door(),
        delivery=worker,
        aws=lambda _: bucket,
        clock=SteppedClock(NOW),
    )


def told(stream: DeliveryStream) -> Any:
    report = stream.ask(json.dumps(EVENT).encode(), request_id="id")
    assert report is not None
    assert isinstance(report.answer, Reply)
    return report.answer.value["records"]


def answered(*results: str) -> Any:
    pairs = zip(RECORDS, results, strict=True)
    return {
        "records": [{"recordId": each["recordId"], "result": told, "data": "QQ=="} for each, told in pairs]
    }


def test_what_is_transformed_or_dropped_is_passed_on_as_it_is() -> None:
    bucket = Bucket()

    records = told(stream_of(ScriptedCallee(lambda _: answered("Ok", "Dropped")), bucket))

    assert records == answered("Ok", "Dropped")["records"]
    assert bucket.written == {}


def test_what_is_given_back_as_failed_goes_to_the_error_output_alone() -> None:
    bucket = Bucket()

    records = told(stream_of(ScriptedCallee(lambda _: answered("ProcessingFailed", "Ok")), bucket))

    assert [each["result"] for each in records] == ["Dropped", "Ok"]
    assert bucket.written == {
        "processing-failed/2020/03/04/19/local-lines-one": [
            {
                "attemptsMade": 1,
                "arrivalTimestamp": 1_583_348_637_000,
                "errorCode": "Lambda.ProcessingFailedStatus",
                "errorMessage": "ProcessingFailed status set for record",
                "attemptEndingTimestamp": int(NOW * 1000),
                "rawData": "YQ==",
                "lambdaArn": "arn:aws:lambda:us-east-1:000000000000:function:local-shop-shout-transform",
            }
        ]
    }


def test_a_worker_that_fails_is_asked_again_and_then_given_up() -> None:
    def fail(_: Any) -> None:
        raise ConnectionError("not now")

    bucket, worker = Bucket(), ScriptedCallee(fail)

    records = told(stream_of(worker, bucket, retries=2))

    (lines,) = bucket.written.values()
    assert [each["result"] for each in records] == ["Dropped", "Dropped"]
    assert [(each["rawData"], each["attemptsMade"], each["errorMessage"]) for each in lines] == [
        ("YQ==", 3, "not now"),
        ("Yg==", 3, "not now"),
    ]


def test_a_worker_that_fails_once_leaves_no_trace() -> None:
    def fail_first(_: Any) -> Any:
        if len(worker.events) == 1:
            raise ConnectionError("not now")
        return answered("Ok", "Ok")

    bucket, worker = Bucket(), ScriptedCallee(fail_first)

    records = told(stream_of(worker, bucket))

    assert [each["result"] for each in records] == ["Ok", "Ok"]
    assert bucket.written == {}


def test_nobody_answers_while_the_stage_is_taken_down() -> None:
    bucket = Bucket()

    report = stream_of(GoneCallee(), bucket).ask(json.dumps(EVENT).encode(), request_id="id")

    assert report is None
    assert bucket.written == {}
