"""A delivery stream of the emulator whose data a worker transforms: Firehose's retries and its error output.

The emulator asks a function of its own (``FUNCTION-transform``), since it would deliver untransformed what a
function fails on, and drop without a trace what a function gives back as failed; here the former is tried
again and both go to the error output. It asks for each record alone, as it is put: nothing is gathered.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from worker_runtime.local.stage.door.deploying import deploy
from worker_runtime.local.stage.execution.answers import Reply
from worker_runtime.local.stage.names import local_name
from worker_runtime.local.stage.parts.part import Part
from worker_runtime.sources.firehose import DROPPED, FAILED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.door.door import Door
    from worker_runtime.local.stage.door.way_in import Asked
    from worker_runtime.local.stage.execution.invocations import Function, Report
    from worker_runtime.sources.firehose import Firehose

PREFIX: Final = "processing-failed/"
"""Amazon Data Firehose developer guide, "Data transformation failure handling"."""

_log = logging.getLogger(__name__)


class DeliveryStream(Part):
    """One delivery stream, from its making on; what is delivered is in the bucket ``LOCALNAME-delivered``."""

    def __init__(  # noqa: PLR0913 - whose stream, the way to the worker, the way to the emulator
        self,
        source: Firehose,
        function: Function,
        *,
        door: Door,
        delivery: Asked,
        aws: Callable[[str], Any],
        clock: Clock,
    ) -> None:
        self._source = source
        self._function = replace(function, name=f"{function.name}-transform")
        self._door = door
        self._delivery = delivery
        self._aws = aws
        self._clock = clock
        self._name = local_name(source.stream)
        self._bucket = f"{self._name}-delivered"

    def start(self) -> Self:
        """Make the bucket, the function and the stream; what is there is taken over."""
        self._door.admit(self._function.name, arn=self._function.arn, callee=self)
        try:
            deploy(self._function, door_url=self._door.url, client=self._aws("lambda"))
            self._make()
        except ClientError as error:
            _log.warning("the endpoint has no delivery stream %s: %s", self._name, error)
        return self

    def busy(self) -> bool:
        """Whether a record is under way: the door tells, by which all of them come."""
        return self._door.busy()

    def quit(self) -> None:
        """Do nothing yet: who puts a record waits until it is delivered."""

    def stop(self) -> None:
        """Do nothing: the stream goes with the emulator."""

    def ask(self, event: bytes, *, request_id: str) -> Report | None:
        """Have a batch transformed; what failed is put into the error output and counts as dropped."""
        attempts = 0
        while True:
            attempts += 1
            report = self._delivery.ask(event, request_id=request_id)
            if report is None or isinstance(report.answer, Reply) or attempts > self._source.retries:
                break
        if report is None:
            return None
        records = json.loads(event)["records"]
        if not isinstance(report.answer, Reply):
            self._note(records, "Lambda.FunctionError", report.answer.message, attempts=attempts)
            dropped = [{"recordId": each["recordId"], "result": DROPPED} for each in records]
            return replace(report, answer=_reply(dropped))
        return replace(report, answer=_reply(self._sorted_out(report.answer.value, records)))

    def queue(self, event: Any) -> None:
        """Have a batch transformed that nobody waits for, which the emulator never has."""
        self.ask(json.dumps(event).encode(), request_id=self._name)

    def _sorted_out(self, reply: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Put what the worker gave back as failed into the error output."""
        answers = list(reply["records"])
        failed = {each["recordId"] for each in answers if each["result"] == FAILED}
        self._note(
            [each for each in records if each["recordId"] in failed],
            "Lambda.ProcessingFailedStatus",
            "ProcessingFailed status set for record",
        )
        return [{**each, "result": DROPPED} if each["recordId"] in failed else each for each in answers]

    def _make(self) -> None:
        firehose, s3 = self._aws("firehose"), self._aws("s3")
        parameters = {
            "LambdaArn": self._function.arn,
            "BufferSizeInMBs": str(self._source.buffer_mb),
            "BufferIntervalInSeconds": str(self._source.interval_s),
            "NumberOfRetries": str(self._source.retries),
        }
        listed = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
        destination = {
            "RoleARN": f"arn:aws:iam::{self._function.account_id}:role/{self._name}",
            "BucketARN": f"arn:aws:s3:::{self._bucket}",
            "ErrorOutputPrefix": PREFIX,
            "ProcessingConfiguration": {
                "Enabled": True,
                "Processors": [{"Type": "Lambda", "Parameters": listed}],
            },
        }
        _unless_there(partial(s3.create_bucket, Bucket=self._bucket, **_placed(self._function.region)))
        _unless_there(
            partial(
                firehose.create_delivery_stream,
                DeliveryStreamName=self._name,
                ExtendedS3DestinationConfiguration=destination,
            )
        )

    def _note(
        self,
        records: Sequence[Mapping[str, Any]],
        code: str,
        message: str,
        *,
        attempts: int = 1,
    ) -> None:
        """Write records into the error output, a line each."""
        if not records:
            return
        now = self._clock.now()
        lines = [
            {
                "attemptsMade": attempts,
                "arrivalTimestamp": each["approximateArrivalTimestamp"],
                "errorCode": code,
                "errorMessage": message,
                "attemptEndingTimestamp": int(now * 1000),
                "rawData": each["data"],
                "lambdaArn": self._function.arn,
            }
            for each in records
        ]
        key = (
            f"{PREFIX}{datetime.fromtimestamp(now, tz=UTC):%Y/%m/%d/%H}/{self._name}-{records[0]['recordId']}"
        )
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        self._aws("s3").put_object(Bucket=self._bucket, Key=key, Body=body)


def _reply(answers: Sequence[Mapping[str, Any]]) -> Reply:
    return Reply(json.dumps({"records": answers}).encode())


def _placed(region: str) -> dict[str, Any]:
    """Say where a bucket is to be; us-east-1 must not be said."""
    return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _unless_there(make: Callable[[], Any]) -> None:
    try:
        make()
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ResourceInUseException", "BucketAlreadyOwnedByYou"):
            raise
