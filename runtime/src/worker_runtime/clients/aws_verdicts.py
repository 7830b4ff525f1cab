"""What an AWS error means for the record at hand: one table for every service."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Final

from worker_runtime.errors import Halt, Retry, ServiceRefused, Verdict

THROTTLES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "KMS.ThrottlingException",
        "KmsThrottled",
        "LimitExceededException",
        "OverLimit",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Codes that say for sure: nothing was done, ask again later."""

WRITTEN_FIRST: Final = frozenset({"ConditionalCheckFailedException", "TransactionCanceledException"})
"""Codes that are no error by themselves: a condition did not hold."""

MEANINGS: Final[dict[str | int, type[Verdict]]] = {
    **dict.fromkeys(THROTTLES, Retry),
    "IDPCommunicationError": Retry,
    "PriorRequestNotComplete": Retry,
    "RequestExpired": Retry,
    "RequestTimeTooSkewed": Retry,
    "RequestTimeout": Retry,
    "RequestTimeoutException": Retry,
    "TransactionConflictException": Retry,
    "TransactionInProgressException": Retry,
    # Somebody wrote first: no error by itself. Whoever does not look at it reads again.
    **dict.fromkeys(WRITTEN_FIRST, Retry),
    # Somebody has to mend credentials, grants or names first.
    "AWS.SimpleQueueService.NonExistentQueue": Halt,
    "AccessDenied": Halt,
    "AccessDeniedException": Halt,
    "AuthFailure": Halt,
    "ExpiredToken": Halt,
    "ExpiredTokenException": Halt,
    "IncompleteSignature": Halt,
    "InvalidAccessKeyId": Halt,
    "InvalidClientTokenId": Halt,
    "InvalidSignatureException": Halt,
    "KmsAccessDenied": Halt,
    "KmsDisabled": Halt,
    "KmsNotFound": Halt,
    "NoSuchBucket": Halt,
    "QueueDoesNotExist": Halt,
    "ResourceNotFoundException": Halt,
    "SignatureDoesNotMatch": Halt,
    "UnrecognizedClientException": Halt,
    # botocore's own, by class; a subclass is looked up first.
    "SSLError": Halt,
    "NoCredentialsError": Halt,
    "PartialCredentialsError": Halt,
    "CredentialRetrievalError": Halt,
    "NoRegionError": Halt,
    "InvalidRegionError": Halt,
    "ProfileNotFound": Halt,
    "InvalidConfigError": Halt,
    "UnknownServiceError": Halt,
    "ParamValidationError": ServiceRefused,
    "BotoCoreError": Retry,  # connections, time-outs, broken answers
    # What no code decides, the status does; other 4xx are refusals, the rest a Retry.
    HTTPStatus.UNAUTHORIZED: Halt,
    HTTPStatus.FORBIDDEN: Halt,
    HTTPStatus.REQUEST_TIMEOUT: Retry,
    HTTPStatus.TOO_EARLY: Retry,
    HTTPStatus.TOO_MANY_REQUESTS: Retry,
}
"""Error code, botocore class or HTTP status to verdict, asked in this order."""


def verdict_of(error: BaseException, *, service: str, of: str = "") -> Verdict:
    """Return what ``error`` means; its text names service, operation and code, never what was sent.

    ``of`` is the resource that was called for, as its variable names it: a bucket, a queue, a table.
    """
    if isinstance(error, Verdict):
        return error
    code = code_of(error)
    called = " ".join(filter(None, (service, getattr(error, "operation_name", None))))
    what = f"{called} of {of}: {code}" if of else f"{called}: {code}"
    meaning = _meaning(error, code)
    if meaning is Halt:
        return Halt(f"{what}; check credentials, region, grants and the name of the resource.")
    if meaning is ServiceRefused:
        return ServiceRefused(shout(code), what)
    return Retry(reason=what)


def code_of(error: BaseException) -> str:
    """Return the service's error code, or the class name of an error of the SDK's own."""
    return str(_response(error).get("Error", {}).get("Code") or type(error).__name__)


def blamed(error: BaseException) -> str | None:
    """Return the class of an error to count; None where somebody only wrote first."""
    code = code_of(error)
    return None if code in WRITTEN_FIRST else code


def is_throttle(error: BaseException | None) -> bool:
    """Say whether the service refused for load, so that nothing was done for sure."""
    return error is not None and code_of(error) in THROTTLES


def shout(code: str) -> str:
    """Return an AWS code as a Reject's: ``a.ValidationException`` is ``VALIDATION_EXCEPTION``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", code.rpartition(".")[2]).upper()


def _meaning(error: BaseException, code: str) -> type[Verdict]:
    status = int(_response(error).get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    for known in (code, *(kind.__name__ for kind in type(error).__mro__), status):
        if known in MEANINGS:
            return MEANINGS[known]
    is_callers = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return ServiceRefused if is_callers else Retry


def _response(error: BaseException) -> dict[str, Any]:
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return response
