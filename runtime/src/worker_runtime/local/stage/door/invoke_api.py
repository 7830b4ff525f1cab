"""Lambda's Invoke API in words: what a call asks for, and the answers, as AWS has them.

Source: Lambda API reference, "Invoke"; Lambda quotas, "Invocation payload".
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final

from worker_runtime.local.stage.door.function_names import LATEST
from worker_runtime.local.stage.execution.answers import Reply, Throttled, error_of
from worker_runtime.local.stage.parts.http_server import Response

if TYPE_CHECKING:
    from worker_runtime.local.stage.execution.invocations import Report

PAYLOAD_BYTES: Final = {"RequestResponse": 6 * 1_048_576, "Event": 1_048_576, "DryRun": 6 * 1_048_576}
"""How much an event may have, by InvocationType (asynchronous ones took 256 KB until October 2025)."""

LOG_TAIL_BYTES: Final = 4_096

NOT_READY: Final = 502
TOO_LARGE: Final = 413
TOO_MANY: Final = 429


def refused(code: str, message: str, *, status: int = 400, **more: str) -> Response:
    """Refuse a call under an error code of the API."""
    body = {**more, "Type": "User" if status < 500 else "Service", "message": message}  # noqa: PLR2004 - HTTP's servers' errors
    return Response.json(body, status=status, headers={"x-amzn-ErrorType": code})


def not_found(arn: str) -> Response:
    """Say that there is no such function, or no such version of it."""
    return refused("ResourceNotFoundException", f"Function not found: {arn}", status=404)


def bad_type(given: str) -> Response:
    """Say that nobody is invoked in this way."""
    known = "[Event, RequestResponse, DryRun]"
    return refused(
        "InvalidParameterValueException",
        f"1 validation error detected: Value '{given}' at 'invocationType' failed to satisfy constraint:"
        f" Member must satisfy enum value set: {known}",
    )


def too_large(size: int, *, invocation_type: str) -> Response:
    """Say that the event has too many bytes."""
    most = PAYLOAD_BYTES[invocation_type]
    return refused(
        "RequestEntityTooLargeException",
        f"{size} byte payload is too large for the {invocation_type} invocation type (limit {most} bytes)",
        status=TOO_LARGE,
    )


def no_json(error: ValueError) -> Response:
    """Say that the event is no JSON."""
    return refused("InvalidRequestContentException", f"Could not parse request body into json: {error}")


def going_down() -> Response:
    """Say that nobody is there any more; SDKs try such a call again."""
    return refused("ServiceException", "The stage is being taken down.", status=NOT_READY)


def queued(request_id: str) -> Response:
    """Say that the event waits in Lambda's queue."""
    return Response(status=202, headers=_headers(request_id))


def allowed(request_id: str) -> Response:
    """Say that the call would have been taken."""
    return Response(status=204, headers=_headers(request_id))


def answered(report: Report, *, with_log: bool) -> Response:
    """Tell the caller how an invocation ended."""
    answer = report.answer
    headers = _headers(report.request_id)
    if with_log:
        tail = report.logs.encode()[-LOG_TAIL_BYTES:]
        headers["X-Amz-Log-Result"] = base64.b64encode(tail).decode()
    headers["Content-Type"] = "application/json"
    match answer:
        case Reply(payload=payload):
            return Response(headers=headers, body=payload)
        case Throttled(message=message):
            return refused(
                "TooManyRequestsException",
                message,
                status=TOO_MANY,
                Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
            )
    body = json.dumps(error_of(answer, request_id=report.request_id)).encode()
    return Response(headers={**headers, "X-Amz-Function-Error": "Unhandled"}, body=body)


def _headers(request_id: str) -> dict[str, str]:
    return {"x-amzn-RequestId": request_id, "X-Amz-Executed-Version": LATEST}
