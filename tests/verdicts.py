"""A worker that does what a record tells it to, for tests of what becomes of each verdict."""

from __future__ import annotations

from typing import Any, ClassVar

from worker_runtime import Defer, Halt, Reject, Retry, Skip
from worker_runtime.clients.aws_verdicts import verdict_of


class Unfit(Exception):
    """What DynamoDB answers to a call that is wrong in itself, as botocore raises it."""

    operation_name = "UpdateItem"
    response: ClassVar[Any] = {
        "Error": {"Code": "ValidationException"},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }


def act(verdict: str) -> None:
    """Do to a record what its body says."""
    match verdict:
        case "skip":
            raise Skip("told to")
        case "retry":
            raise Retry
        case "retry_in":
            raise Retry(30)
        case "defer":
            raise Defer(60)
        case "reject":
            raise Reject("TOLD_TO")
        case "refused":
            raise verdict_of(Unfit("of jane@example.com"), service="dynamodb")
        case "halt":
            raise Halt("told to")
        case "bug":
            raise KeyError("told to")
