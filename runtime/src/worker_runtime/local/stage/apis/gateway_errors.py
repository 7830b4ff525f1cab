"""What API Gateway and function URLs say where no worker's word reaches the caller: no error's own text.

Sources: API Gateway developer guide, "Gateway response types"; MiniStack's authors measured most of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.stage.execution.answers import Throttled, TimedOut
from worker_runtime.local.stage.parts.http_server import Response

if TYPE_CHECKING:
    from worker_runtime.local.stage.execution.answers import Failure

BODY_BYTES: Final = 10 * 1_048_576
"""API Gateway quotas: what a request may carry at most; Lambda takes less."""
REST_WAITS_S: Final = 29
HTTP_WAITS_S: Final = 30
"""API Gateway quotas, integration time-outs: a worker whose own is as long is not waited for."""


def refusal(status: int, message: str | None, *, kind: str = "", key: str = "message") -> Response:
    """Word an answer of the API itself."""
    body: dict[str, Any] = {key: message}
    return Response.json(body, status=status, headers={"x-amzn-ErrorType": kind} if kind else {})


# --- REST APIs

REST_NO_ROUTE: Final = refusal(
    403, "Missing Authentication Token", kind="MissingAuthenticationTokenException"
)
REST_UNAUTHORIZED: Final = refusal(401, "Unauthorized", kind="UnauthorizedException")
REST_UNPERMITTED: Final = refusal(
    403, "User is not authorized to access this resource", kind="AccessDeniedException", key="Message"
)
REST_DENIED: Final = refusal(
    403,
    "User is not authorized to access this resource with an explicit deny",
    kind="AccessDeniedException",
    key="Message",
)
REST_AUTHORIZER_FAILED: Final = refusal(500, None, kind="AuthorizerFailureException")
REST_AUTHORIZER_MALFORMED: Final = refusal(
    500, "Internal server error", kind="AuthorizerConfigurationException"
)
REST_TOO_LONG: Final = refusal(413, "Request Too Long", kind="RequestTooLargeException")
REST_MALFORMED: Final = refusal(502, "Internal server error", kind="InternalServerErrorException")
REST_TIMED_OUT: Final = refusal(504, "Endpoint request timed out", kind="InternalServerErrorException")
REST_THROTTLED: Final = refusal(500, "Internal server error", kind="InternalServerErrorException")


def bad_request(message: str) -> Response:
    """Say what a REST API's validator found."""
    return refusal(400, message, kind="BadRequestException")


def rest_failure(failure: Failure, *, timeout_s: float) -> Response:
    """Say that a worker behind a REST API did not answer."""
    match failure:
        case Throttled():
            return REST_THROTTLED
        case TimedOut() if timeout_s >= REST_WAITS_S:
            return REST_TIMED_OUT
    return REST_MALFORMED


# --- HTTP APIs

HTTP_NO_ROUTE: Final = refusal(404, "Not Found")
HTTP_UNAUTHORIZED: Final = refusal(401, "Unauthorized")
HTTP_FORBIDDEN: Final = refusal(403, "Forbidden")
HTTP_FAILED: Final = refusal(500, "Internal Server Error")
HTTP_UNAVAILABLE: Final = refusal(503, "Service Unavailable")
HTTP_TOO_LONG: Final = refusal(413, "Request Entity Too Large")


def http_failure(failure: Failure, *, timeout_s: float) -> Response:
    """Say that a worker behind an HTTP API did not answer."""
    late = isinstance(failure, TimedOut) and timeout_s >= HTTP_WAITS_S
    return HTTP_UNAVAILABLE if late or isinstance(failure, Throttled) else HTTP_FAILED


# --- function URLs

URL_FAILED: Final = Response(
    status=502,
    headers={"Content-Type": "application/json", "x-amzn-ErrorType": "InternalServerErrorException"},
    body=b"Internal Server Error",
)
URL_TOO_LONG: Final = refusal(413, "Request Entity Too Large", kind="RequestEntityTooLargeException")
_URL_THROTTLED: Final = Response.json(
    {
        "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
        "Type": "User",
        "message": "Rate Exceeded.",
    },
    status=429,
    headers={"x-amzn-ErrorType": "TooManyRequestsException"},
)


def url_failure(failure: Failure) -> Response:
    """Say that a function behind a URL did not answer; that it was too slow has no status of its own."""
    return _URL_THROTTLED if isinstance(failure, Throttled) else URL_FAILED
