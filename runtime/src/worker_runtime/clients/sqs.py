"""One SQS queue: messages out in tens, each failure at its message's position.

The runtime's own dead letters and deferrals leave through here too.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections import ChainMap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from worker_runtime.clients import aws
from worker_runtime.clients.aws_verdicts import shout
from worker_runtime.clients.sqs_limits import (
    ATTRIBUTES_A_MESSAGE,
    CALL_BYTES,
    ENTRIES_A_CALL,
    LONGEST_VISIBILITY_S,
    MESSAGE_BYTES,
)
from worker_runtime.errors import Retry, ServiceRefused, Verdict
from worker_runtime.invocation import current_trace
from worker_runtime.middleware.correlation import TRACEPARENT, correlation_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Entries = dict[int, dict[str, Any]]  # position in the input -> entry of a batch call
    Failures = dict[int, Verdict]

_REFUSED: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What SendMessage refuses, or stores as another character, in a body and in an attribute."""


class Attribute(msgspec.Struct, frozen=True):
    """A message attribute: text (also of a number) or bytes, and AWS's name of its type."""

    value: str | bytes
    data_type: str = "String"


class Message(msgspec.Struct, frozen=True):
    """A message to send; an attribute given as plain text is a String."""

    body: str
    attributes: Mapping[str, Attribute | str] = {}
    delay_s: int = 0
    group_id: str | None = None
    deduplication_id: str | None = None
    trace_header: str | None = None


class Visibility(NamedTuple):
    """How many seconds from now a received message stays hidden."""

    receipt_handle: str
    timeout_s: int


def attributes_of(message_attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, Attribute]:
    """Return a record's ``messageAttributes``, as Lambda hands them over, ready to be sent again."""
    return {name: _attribute(given) for name, given in message_attributes.items()}


def size_of(message: Message) -> int:
    """Return the bytes that SQS counts: body, attribute names, types and values.

    Raises ValueError (or TypeError) where SQS cannot take a text as it is.
    """
    counted: list[str | bytes] = [message.body]
    for name, given in message.attributes.items():
        attribute = _plain(given)
        counted += name, attribute.data_type, attribute.value
    return sum(map(_bytes, counted))


class Queue:
    """A queue by its URL; connects on first use and may be shared by threads.

    Messages carry the current correlation id, and a ``traceparent`` where they are traced, unless they
    have one, or no room for it, or ``correlated`` is False.
    """

    def __init__(self, url: str, *, correlated: bool = True) -> None:
        self.url = url
        self._correlated = correlated

    def send_one(self, message: Message) -> None:
        """Send the message; what fails is raised as a verdict."""
        (failure,) = self.send([message])
        if failure:
            raise failure

    def send(self, messages: Sequence[Message]) -> list[Verdict | None]:
        """Send the messages and return, for each position, None or why it was not sent.

        A text that SQS cannot take as it is is Reject ``UNSENDABLE``. Once a message of a FIFO group
        failed, those behind it are left out of the calls to come: order would be lost.
        """
        whole = [self._complete(message) for message in messages]
        sizes, failures = _measured(whole)
        self._trace(whole, sizes)
        for positions in _calls(sizes):
            broken = {whole[at].group_id: at for at in sorted(failures, reverse=True)}  # since where
            late = [at for at in positions if whole[at].group_id and broken.get(whole[at].group_id, at) < at]
            entries = {at: _entry(whole[at]) for at in positions if at not in late}
            failures |= self._batch("send_message_batch", entries)
            failures |= {at: Retry(reason="sqs: not sent, its group's order would be lost") for at in late}
        return [failures.get(at) for at in range(len(whole))]

    def change_visibility(self, changes: Sequence[tuple[str, int]]) -> list[Verdict | None]:
        """Hide received messages for some seconds from now, at most what SQS allows.

        Takes ``Visibility`` (or such pairs) and returns, for each position, None or why it failed.
        """
        failures: Failures = {}
        for start in range(0, len(changes), ENTRIES_A_CALL):
            entries = {
                at: {"ReceiptHandle": handle, "VisibilityTimeout": min(timeout_s, LONGEST_VISIBILITY_S)}
                for at, (handle, timeout_s) in enumerate(changes[start : start + ENTRIES_A_CALL], start)
            }
            failures |= self._batch("change_message_visibility_batch", entries)
        return [failures.get(at) for at in range(len(changes))]

    def _batch(self, operation: str, entries: Entries) -> Failures:
        """Make one call; a call that fails fails its own entries only."""
        if not entries:
            return {}
        named = [{"Id": str(at), **entry} for at, entry in entries.items()]
        try:
            with aws.verdicts("sqs", of=self.url.rpartition("/")[2]):
                answer = getattr(aws.client("sqs"), operation)(QueueUrl=self.url, Entries=named)
        except ServiceRefused as verdict:
            if len(entries) == 1:
                return dict.fromkeys(entries, verdict)
            alone = [self._batch(operation, {at: entry}) for at, entry in entries.items()]
            return dict(ChainMap(*alone))  # one entry may have spoilt the call for all
        except Verdict as verdict:
            return dict.fromkeys(entries, verdict)
        return {int(failed["Id"]): _verdict(failed) for failed in answer.get("Failed", ())}

    def _complete(self, message: Message) -> Message:
        current = correlation_id() if self._correlated else None
        attributes = message.attributes
        if current is None or "correlationId" in attributes or len(attributes) >= ATTRIBUTES_A_MESSAGE:
            return message
        return msgspec.structs.replace(message, attributes={**attributes, "correlationId": current})

    def _trace(self, messages: list[Message], sizes: dict[int, int]) -> None:
        """Make messages a part of the trace at hand, those that have room for it."""
        trace = current_trace() if self._correlated else None
        if trace is None:
            return
        given = trace.traceparent
        more = len(TRACEPARENT) + len("String") + len(given)
        for at, size in sizes.items():
            attributes = messages[at].attributes
            if (
                TRACEPARENT in attributes
                or len(attributes) >= ATTRIBUTES_A_MESSAGE
                or size + more > MESSAGE_BYTES
            ):
                continue
            traced = {**attributes, TRACEPARENT: given}
            messages[at] = msgspec.structs.replace(messages[at], attributes=traced)
            sizes[at] = size + more


def _measured(messages: Sequence[Message]) -> tuple[dict[int, int], Failures]:
    """Return the sizes of what can be sent, and why the others cannot, by position."""
    sizes: dict[int, int] = {}
    failures: Failures = {}
    for at, message in enumerate(messages):
        try:
            sizes[at] = size_of(message)
        except (AttributeError, TypeError, ValueError) as error:  # or no text at all
            failures[at] = ServiceRefused("UNSENDABLE", f"sqs: {error}")
    return sizes, failures


def _calls(sizes: Mapping[int, int]) -> Iterator[list[int]]:
    """Yield the positions that go into one call: ten at most, and no more bytes than a call takes."""
    positions: list[int] = []
    held = 0
    for at, size in sizes.items():
        if positions and (len(positions) == ENTRIES_A_CALL or held + size > CALL_BYTES):
            yield positions
            positions, held = [], 0
        positions.append(at)
        held += size
    if positions:
        yield positions


def _entry(message: Message) -> dict[str, Any]:
    entry = {
        "MessageBody": message.body,
        "MessageAttributes": {name: _typed(_plain(given)) for name, given in message.attributes.items()},
        "DelaySeconds": message.delay_s,
        "MessageGroupId": message.group_id,
        "MessageDeduplicationId": message.deduplication_id,
        "MessageSystemAttributes": message.trace_header
        and {"AWSTraceHeader": _typed(Attribute(message.trace_header))},
    }
    return {name: value for name, value in entry.items() if value or name == "MessageBody"}


def _bytes(part: str | bytes) -> int:
    if isinstance(part, str) and (refused := _REFUSED.search(part)):
        raise ValueError(f"it holds {refused[0]!a}, which SQS does not take; escape it.")
    return len(part.encode() if isinstance(part, str) else part)


def _plain(given: Attribute | str) -> Attribute:
    return Attribute(given) if isinstance(given, str) else given


def _typed(attribute: Attribute) -> dict[str, Any]:
    form = "BinaryValue" if isinstance(attribute.value, bytes) else "StringValue"
    return {"DataType": attribute.data_type, form: attribute.value}


def _attribute(given: Mapping[str, Any]) -> Attribute:
    data_type = given["dataType"]
    is_binary = data_type.partition(".")[0] == "Binary"
    return Attribute(b64decode(given["binaryValue"]) if is_binary else given["stringValue"], data_type)


def _verdict(failed: Mapping[str, Any]) -> Verdict:
    code = failed["Code"]
    if failed["SenderFault"]:
        return ServiceRefused(shout(code), f"sqs: {code}")
    return Retry(reason=f"sqs: {code}")
