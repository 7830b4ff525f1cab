from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    ReadTimeoutError,
    SSLError,
)

from worker_runtime.clients.aws_verdicts import is_throttle, verdict_of
from worker_runtime.errors import Halt, Retry, ServiceRefused, Verdict


def refused(code: str, *, status: int = 400) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "secret +15555550100"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "PutItem")


@pytest.mark.parametrize(
    "code",
    [
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "TransactionConflictException",
        "SlowDown",
    ],
)
def test_load_and_conflicts_are_a_retry(code: str) -> None:
    assert isinstance(verdict_of(refused(code), service="dynamodb"), Retry)


@pytest.mark.parametrize(
    "code",
    [
        "AccessDeniedException",
        "UnrecognizedClientException",
        "ExpiredTokenException",
        "ResourceNotFoundException",
        "AWS.SimpleQueueService.NonExistentQueue",
    ],
)
def test_grants_credentials_and_missing_resources_are_a_halt(code: str) -> None:
    verdict = verdict_of(refused(code), service="dynamodb")

    assert isinstance(verdict, Halt)
    assert code in str(verdict)
    assert "check credentials, region, grants" in str(verdict)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, Retry), (503, Retry), (408, Retry), (403, Halt), (400, ServiceRefused), (413, ServiceRefused)],
)
def test_the_status_decides_what_no_code_does(status: int, kind: type[Verdict]) -> None:
    assert isinstance(verdict_of(refused("Unheard", status=status), service="sqs"), kind)


def test_a_reject_has_the_code_in_upper_case_and_nothing_of_what_was_sent() -> None:
    verdict = verdict_of(refused("AWS.SimpleQueueService.BatchRequestTooLong"), service="sqs")

    assert isinstance(verdict, ServiceRefused)
    assert verdict.code == "BATCH_REQUEST_TOO_LONG"
    assert "secret" not in str(verdict)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (EndpointConnectionError(endpoint_url="http://x"), Retry),
        (ConnectTimeoutError(endpoint_url="http://x"), Retry),
        (ReadTimeoutError(endpoint_url="http://x"), Retry),
        (NoCredentialsError(), Halt),
        (NoRegionError(), Halt),
        (SSLError(endpoint_url="http://x", error=ValueError("expired")), Halt),
        (ParamValidationError(report="value: +15555550100"), ServiceRefused),
    ],
)
def test_errors_of_the_sdk_have_their_verdict(error: Exception, kind: type[Verdict]) -> None:
    verdict = verdict_of(error, service="dynamodb")

    assert isinstance(verdict, kind)
    assert "+1555" not in str(verdict)


def test_a_verdict_stays_as_it_is() -> None:
    verdict = Retry(reason="mine")

    assert verdict_of(verdict, service="sqs") is verdict


def test_only_a_refusal_for_load_is_a_throttle() -> None:
    assert is_throttle(refused("ThrottlingException"))
    assert not is_throttle(refused("InternalServerError", status=500))
    assert not is_throttle(ReadTimeoutError(endpoint_url="http://x"))
    assert not is_throttle(None)
