"""Dead letters as they wait in their queues: told apart by form, their reason read.

Four forms: a queue's original message (ours has the reason as an attribute, one that SQS moved
has none), our envelope around a whole record, Lambda's metadata about a stream's or topic's records, a whole
event that Lambda gave up. Anybody can send to a queue: what only resembles one of them is read too,
as an original that stays.
"""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec import MsgspecError, Struct, convert

from worker_runtime.dead_letters import REASON_ATTRIBUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

Form = Literal["original", "envelope", "metadata", "event"]

BATCH_INFOS = ("DDBStreamBatchInfo", "KinesisBatchInfo")
TOPIC_INFO: Final = "KafkaBatchInfo"
UNREADABLE: Final = "UNREADABLE"

_ENVELOPE = {"version", "worker", "source", "code", "recordId"}


class _Reason(Struct, frozen=True, rename="camel"):
    worker: str
    code: str
    record_id: str
    error: str = ""


class _Context(Struct, frozen=True, rename="camel"):
    condition: str
    request_id: str = ""


class _Failure(Struct, frozen=True, rename="camel"):
    error_type: str = ""
    error_message: str = ""


class _Range(Struct, frozen=True, rename="camel"):
    shard_id: str
    start_sequence_number: str
    end_sequence_number: str


class _Offsets(Struct, frozen=True, rename="camel"):
    first_record_offset: str
    last_record_offset: str


class _TopicRanges(Struct, frozen=True, rename="camel"):
    records_info: dict[str, _Offsets]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One dead letter; ``worker`` is None where nobody noted it, ``message`` is boto3's form.

    ``shard`` is the record's, where the letter says one: of Kinesis the record's id is unique there alone.
    ``code`` says why: the worker's own, Lambda's condition, ``MAX_RECEIVES`` where SQS moved it, or
    ``UNREADABLE`` (and ``worker`` None) where it fits no form.
    """

    form: Form
    worker: str | None
    code: str
    error: str = ""
    record_id: str
    shard: str = ""
    message: Mapping[str, Any]

    @property
    def message_id(self) -> str:
        """What SQS calls the message, each time that it is received."""
        given: str = self.message["MessageId"]
        return given

    def is_called(self, wanted: str | None) -> bool:
        """Whether its record's id, shard before it or not, or its own begins so; all are meant by None."""
        ids = (self.record_id, f"{self.shard}:{self.record_id}", self.message_id)
        return wanted is None or any(each.startswith(wanted) for each in ids)

    @property
    def unreadable(self) -> bool:
        """Whether it fits no form, so that nobody knows where it belongs; ``error`` says why."""
        return self.worker is None and self.code == UNREADABLE

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
    """Tell what form a dead letter has and why it is one; nothing in it raises."""
    try:
        return _read(message)
    except (ValueError, RecursionError, MsgspecError) as error:
        return _given_up(message, code=UNREADABLE, error=f"it fits no form of dead letter: {error}")


def batch_info(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Find which records of which shard Lambda's metadata is about."""
    info: Mapping[str, Any] = next(body[name] for name in BATCH_INFOS if name in body)
    return info


def topic_info(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Find which offsets of a topic Lambda's metadata is about; None where it is about a stream."""
    info: Mapping[str, Any] | None = body.get(TOPIC_INFO)
    return info


def _read(message: Mapping[str, Any]) -> Letter:
    """Read a letter by its attribute, else by its body; raises where it only resembles ours."""
    attribute = message.get("MessageAttributes", {}).get(REASON_ATTRIBUTE)
    if attribute is not None:  # a Binary one has no StringValue
        return _reasoned("original", json.loads(attribute.get("StringValue", "")), message)
    body = _json_object(message["Body"])
    if body.keys() >= _ENVELOPE:
        return _reasoned("envelope", body, message, shard=_shard(body.get("record")))
    if "requestContext" in body and any(info in body for info in (*BATCH_INFOS, TOPIC_INFO)):
        return Letter(
            form="metadata",
            worker=None,
            code=convert(body["requestContext"], _Context).condition,
            record_id=_first_record(body),
            shard="" if TOPIC_INFO in body else convert(batch_info(body), _Range).shard_id,
            message=message,
        )
    if body.keys() >= {"requestContext", "requestPayload"}:
        return _failed_event(body, message)
    return _given_up(message, code="MAX_RECEIVES")


def _first_record(body: Mapping[str, Any]) -> str:
    """Name the first record that Lambda's metadata is about, as its source does."""
    if TOPIC_INFO not in body:
        return convert(batch_info(body), _Range).start_sequence_number
    ranges = convert(body[TOPIC_INFO], _TopicRanges).records_info
    return next((f"{place}:{each.first_record_offset}" for place, each in ranges.items()), "")


def _failed_event(body: Mapping[str, Any], message: Mapping[str, Any]) -> Letter:
    """Read what Lambda writes of an asynchronous invocation."""
    context = convert(body["requestContext"], _Context)
    failure = convert(body.get("responsePayload") or {}, _Failure)
    said = (failure.error_type, failure.error_message)
    return Letter(
        form="event",
        worker=None,
        code=context.condition,
        error=": ".join(filter(None, said)),
        record_id=context.request_id,
        message=message,
    )


def _shard(record: Any) -> str:
    """Read the shard of a Kinesis record as the event had it; of any other nothing."""
    match record:
        case {"kinesis": _, "eventID": str(named)}:
            return named.rpartition(":")[0]
    return ""


def _reasoned(form: Form, given: Any, message: Mapping[str, Any], *, shard: str = "") -> Letter:
    reason = convert(given, _Reason)
    return Letter(
        form=form,
        worker=reason.worker,
        code=reason.code,
        error="" if reason.error == reason.code else reason.error.removeprefix(f"{reason.code}: "),
        record_id=reason.record_id,
        shard=shard,
        message=message,
    )


def _given_up(message: Mapping[str, Any], *, code: str, error: str = "") -> Letter:
    """Take a message as the original that it was, of a worker that nobody noted."""
    return Letter(
        form="original", worker=None, code=code, error=error, record_id=message["MessageId"], message=message
    )


def _json_object(text: str) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
