"""What Lambda writes to an on-failure destination when it gives a stream's records up: metadata, no data.

Recorded from AWS: a queue gets which records of which shard, and why; the records themselves have
to be read from the stream again while it still has them.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import BotoCoreError, ClientError

from worker_runtime.local.stage.polling.paces import BROKEN_S

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_sqs import SQSClient

    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.local.stage.threads.threads import Flag

Condition = Literal["RetryAttemptsExhausted", "RecordAgeExceeded"]
BatchInfo = Literal["DDBStreamBatchInfo", "KinesisBatchInfo"]

_FINAL: Final = {
    "InvalidMessageContents",
    "InvalidParameterValue",  # over the queue's largest message, among others
    "MissingParameter",
    "NonExistentQueue",
    "QueueDoesNotExist",
}
"""What SQS refuses for ever (SendMessage, errors); "AWS.SimpleQueueService." stands before some."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Where records came from, as the destination names it."""

    info: BatchInfo
    stream_arn: str
    shard_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """Why Lambda gives records up; ``raised`` tells an error from a reply that named them."""

    condition: Condition
    request_id: str
    function_arn: str
    invocations: int
    raised: bool
    at: float  # epoch seconds


def on_failure_record(records: Sequence[StagedRecord], *, shard: Shard, why: GivenUp) -> dict[str, Any]:
    """Word the body of the message about a shard's records."""
    return failure_record({shard.info: _batch_info(records, shard)}, why=why)


def failure_record(batch_info: Mapping[str, Any], *, why: GivenUp) -> dict[str, Any]:
    """Word the body of the message; ``batch_info`` says, below its kind's name, which records it is about."""
    body: dict[str, Any] = {
        "requestContext": {
            "requestId": why.request_id,
            "functionArn": why.function_arn,
            "condition": why.condition,
            "approximateInvokeCount": why.invocations,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled" if why.raised else None,
        },
        "version": "1.0",
        "timestamp": zulu(why.at, "milliseconds"),
        **batch_info,
    }
    if why.condition == "RecordAgeExceeded":
        del body["responseContext"]
    return body


def _batch_info(records: Sequence[StagedRecord], shard: Shard) -> dict[str, Any]:
    spec = "seconds" if shard.info == "DDBStreamBatchInfo" else "milliseconds"
    return {
        "shardId": shard.shard_id,
        "startSequenceNumber": records[0].id,
        "endSequenceNumber": records[-1].id,
        "approximateArrivalOfFirstRecord": zulu(records[0].arrived_at, spec),
        "approximateArrivalOfLastRecord": zulu(records[-1].arrived_at, spec),
        "batchSize": len(records),
        "streamArn": shard.stream_arn,
    }


def zulu(epoch_s: float, spec: str) -> str:
    """Write a time in UTC, as Lambda does; ``spec`` is ``isoformat``'s."""
    return datetime.fromtimestamp(epoch_s, tz=UTC).isoformat(timespec=spec).replace("+00:00", "Z")


class OnFailureQueue:
    """The queue to which a stream's on-failure records go."""

    def __init__(self, sqs: SQSClient, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def put(self, body: Mapping[str, Any], *, until: Flag) -> str | None:
        """Send a record, tried until it is taken, and return the message's id.

        That is empty where the queue will never take it: Lambda drops it then. None where ``until`` was
        set first.
        """
        text = json.dumps(body)
        while True:
            try:
                return self._sqs.send_message(QueueUrl=self._url, MessageBody=text)["MessageId"]
            except (BotoCoreError, ClientError) as error:
                if _is_final(error):
                    self._drop(body, error)
                    return ""
                _log.warning("an on-failure record is not written yet: %s", error)
                if until.wait(BROKEN_S):
                    return None

    def _drop(self, body: Mapping[str, Any], error: Exception) -> None:
        context = body["requestContext"]
        _log.error(
            "%s: what it was invoked with as %s is given up, and no on-failure record says so: %s does not"
            " take it (%s). See to it that the queue is there and lets messages of this size in; what is"
            " given up already stays lost.",
            context["functionArn"],
            context["requestId"],
            self._url,
            error,
        )


def _is_final(error: Exception) -> bool:
    """Whether the same call would be refused for ever."""
    if not isinstance(error, ClientError):
        return False
    return error.response["Error"]["Code"].rpartition(".")[2] in _FINAL
