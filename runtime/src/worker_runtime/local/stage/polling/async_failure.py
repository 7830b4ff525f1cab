"""What Lambda writes to a function's on-failure destination when it gives an event up: the event whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from worker_runtime.local.stage.execution.answers import error_of

if TYPE_CHECKING:
    from worker_runtime.local.stage.execution.answers import Failure

GivenUpFor = Literal["RetriesExhausted", "EventAgeExceeded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUpEvent:
    """An event that Lambda gives up; ``last`` is how the last invocation failed, if there was one."""

    event: Any
    condition: GivenUpFor
    request_id: str
    function_arn: str
    invocations: int
    last: Failure | None
    at: float  # epoch seconds


def failed_event_record(why: GivenUpEvent) -> dict[str, Any]:
    """Word the body of the message (Lambda developer guide, "Invocation record")."""
    at = datetime.fromtimestamp(why.at, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body: dict[str, Any] = {
        "version": "1.0",
        "timestamp": at,
        "requestContext": {
            "requestId": why.request_id,
            "functionArn": f"{why.function_arn}:$LATEST",
            "condition": why.condition,
            "approximateInvokeCount": why.invocations,
        },
        "requestPayload": why.event,
    }
    if why.last is not None:
        body["responseContext"] = {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        }
        body["responsePayload"] = error_of(why.last, request_id=why.request_id)
    return body
