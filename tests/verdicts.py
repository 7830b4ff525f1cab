"""A worker that does what a record tells it to, for tests of what becomes of each verdict."""

from __future__ import annotations

from worker_runtime import Defer, Halt, Reject, Retry, Skip


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
        case "halt":
            raise Halt("told to")
        case "bug":
            raise KeyError("told to")
