"""Workers' calls to SQS that take time, on the stage's clock: visibility is the book's, delays are shortened.

``Calls`` of the gateway. A delay is divided by the speed and rounded up to SQS's whole seconds, so
a message may come later than asked, as on SQS, and never earlier; while it waits the emulator
counts it as delayed. Where the stage's threads take turns it is held back by the stage itself.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from worker_runtime.local.stage.gateway import ApiAnswer, Passed
from worker_runtime.local.stage.polling.visibility import ReceiptUnknown, VisibilityRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.delayed_messages import DelayedMessages
    from worker_runtime.local.stage.polling.visibility import VisibilityBook

DELAY_MAX_S = 900  # SendMessage, DelaySeconds


class SqsCalls:
    """Answers ``ChangeMessageVisibility`` and shortens ``DelaySeconds``; the batch calls too."""

    def __init__(self, book: VisibilityBook, *, clock: Clock, delayed: DelayedMessages | None = None) -> None:
        self._book = book
        self._clock = clock
        self._delayed = delayed

    def __call__(self, target: str, body: bytes) -> ApiAnswer | Passed | None:
        """Answer a call or reword its body; None lets it pass as it is."""
        match target:
            case "AmazonSQS.ChangeMessageVisibility" | "AmazonSQS.ChangeMessageVisibilityBatch":
                return self._visibility(json.loads(body))
            case "AmazonSQS.SendMessage" | "AmazonSQS.SendMessageBatch" if b'"DelaySeconds"' in body:
                return self._delays(json.loads(body))
        return None

    def _visibility(self, call: Mapping[str, Any]) -> ApiAnswer | None:
        if not self._book.keeps(call["QueueUrl"]):
            return None
        if "Entries" not in call:
            error = self._change(call)
            return ApiAnswer() if error is None else ApiAnswer.error(*error)
        successful, failed = [], []
        for entry in call["Entries"]:
            error = self._change(entry)
            if error is None:
                successful.append({"Id": entry["Id"]})
            else:
                code, message = error
                failed.append({"Id": entry["Id"], "SenderFault": True, "Code": code, "Message": message})
        return ApiAnswer(body={"Successful": successful, "Failed": failed})

    def _change(self, asked: Mapping[str, Any]) -> tuple[str, str] | None:
        """Change one visibility; where it is refused, SQS's error code and text."""
        try:
            self._book.change(asked["ReceiptHandle"], timeout_s=int(asked["VisibilityTimeout"]))
        except ReceiptUnknown as error:
            return "ReceiptHandleIsInvalid", str(error)
        except VisibilityRefused as error:
            return "InvalidParameterValue", str(error)
        return None

    def _delays(self, call: dict[str, Any]) -> ApiAnswer | Passed:
        """Shorten delays; refuse those that SQS refuses and the emulator does not."""
        for message in call.get("Entries", [call]):
            delay_s = int(message.get("DelaySeconds") or 0)
            if not 0 <= delay_s <= DELAY_MAX_S:
                text = f"Value {delay_s} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be"
                return ApiAnswer.error("InvalidParameterValue", f"{text} >= 0 and <= {DELAY_MAX_S}.")
            if delay_s and self._delayed is None:
                message["DelaySeconds"] = math.ceil(delay_s / self._clock.speed)
        return Passed(json.dumps(call).encode()) if self._delayed is None else _held(call, self._delayed)


def _held(call: dict[str, Any], delayed: DelayedMessages) -> ApiAnswer | Passed:
    """Hold back the messages of a call that are to be late; pass on the others."""
    if "Entries" not in call:
        return ApiAnswer(body=_hold(call, call, delayed)) if call.get("DelaySeconds") else _passed(call)
    late = [entry for entry in call["Entries"] if entry.get("DelaySeconds")]
    held = [{"Id": entry["Id"], **_hold(call, entry, delayed)} for entry in late]
    call["Entries"] = [entry for entry in call["Entries"] if entry not in late]
    if not call["Entries"]:
        return ApiAnswer(body={"Successful": held, "Failed": []})
    return _passed(call, lambda answer: {**answer, "Successful": [*answer.get("Successful", []), *held]})


def _hold(call: Mapping[str, Any], message: Mapping[str, Any], delayed: DelayedMessages) -> dict[str, str]:
    left_out = {"Id", "DelaySeconds"}
    alone = {name: value for name, value in message.items() if name not in left_out}
    return delayed.hold({**alone, "QueueUrl": call["QueueUrl"]}, delay_s=message["DelaySeconds"])


def _passed(
    call: Mapping[str, Any], reword: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
) -> Passed:
    return Passed(json.dumps(call).encode(), reword)
