"""Dead letters as they wait in their queues: told apart by form, their reason read.

Three forms: a queue's original message (ours has the reason as an attribute, one that SQS moved
has none), our envelope around a whole record, Lambda's metadata about a stream's records.
"""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from worker_runtime.dead_letters import REASON_ATTRIBUTE
from worker_runtime.local.stage.polling.visibility import VISIBILITY_MAX_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sqs import SQSClient

Form = Literal["original", "envelope", "metadata"]

BATCH_INFOS = ("DDBStreamBatchInfo", "KinesisBatchInfo")

_ENVELOPE = {"version", "worker", "source", "code", "recordId"}
_PEEK_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One dead letter; ``worker`` is None where nobody noted it, ``message`` is boto3's form.

    ``code`` says why: the worker's own, Lambda's condition, or ``MAX_RECEIVES`` where SQS moved it.
    """

    form: Form
    worker: str | None
    code: str
    error: str = ""
    record_id: str
    message: Mapping[str, Any]

    @property
    def body(self) -> str:
        """The message's body."""
        text: str = self.message["Body"]
        return text

    @property
    def group(self) -> str | None:
        """Its message group, where its queue is FIFO."""
        group: str | None = self.message.get("Attributes", {}).get("MessageGroupId")
        return group

    @property
    def change(self) -> dict[str, Any]:
        """The table change in an envelope that holds it whole, opened where Kinesis carries it."""
        record: dict[str, Any] = json.loads(self.body)["record"]
        if "kinesis" in record:
            record = json.loads(b64decode(record["kinesis"]["data"]))
        return record

    @property
    def receipt(self) -> str:
        """The receipt handle of the receive that found it."""
        handle: str = self.message["ReceiptHandle"]
        return handle


def read_letter(message: Mapping[str, Any]) -> Letter:
    """Tell what form a dead letter has and why it is one."""
    reason = message.get("MessageAttributes", {}).get(REASON_ATTRIBUTE)
    if reason is not None:
        return _reasoned("original", json.loads(reason["StringValue"]), message)
    body = _json_object(message["Body"])
    if body.keys() >= _ENVELOPE:
        return _reasoned("envelope", body, message)
    if "requestContext" in body and any(info in body for info in BATCH_INFOS):
        context = body["requestContext"]
        return Letter(
            form="metadata",
            worker=None,
            code=context["condition"],
            record_id=batch_info(body)["startSequenceNumber"],
            message=message,
        )
    return Letter(
        form="original", worker=None, code="MAX_RECEIVES", record_id=message["MessageId"], message=message
    )


def batch_info(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Find which records of which shard Lambda's metadata is about."""
    info: Mapping[str, Any] = next(body[name] for name in BATCH_INFOS if name in body)
    return info


def receive_letters(sqs: SQSClient, queue_url: str, *, visibility_s: int) -> list[Letter]:
    """Receive up to ten dead letters and hide them meanwhile."""
    messages = sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=min(visibility_s, VISIBILITY_MAX_S),
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    )
    return [read_letter(message) for message in messages.get("Messages", [])]


def put_back(sqs: SQSClient, queue_url: str, letters: list[Letter]) -> None:
    """Make received letters visible again."""
    for letter in letters:
        sqs.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=letter.receipt, VisibilityTimeout=0)


def peek(sqs: SQSClient, queue_url: str) -> list[Letter]:
    """Look at all letters of a queue and leave them there; of a FIFO group at most the first ten."""
    seen: list[Letter] = []
    while found := receive_letters(sqs, queue_url, visibility_s=_PEEK_S):
        seen += found
    put_back(sqs, queue_url, seen)
    return seen


def _reasoned(form: Form, reason: Mapping[str, Any], message: Mapping[str, Any]) -> Letter:
    return Letter(
        form=form,
        worker=reason["worker"],
        code=reason["code"],
        error=reason.get("error", ""),
        record_id=reason["recordId"],
        message=message,
    )


def _json_object(text: str) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
