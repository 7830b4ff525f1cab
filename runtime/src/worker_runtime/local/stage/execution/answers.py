"""How an invocation can end, in the words that Lambda has for it; match on the class."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from typing import Any

MAX_REPLY_BYTES = 6 * 1024 * 1024 + 100
"""6,291,556: the limit that Lambda names when it refuses a reply ("Lambda quotas", synchronous)."""

MAX_REQUEST_BYTES = 6 * 1024 * 1024
"""What an invocation that is waited for takes ("Lambda quotas"); more is refused before anything starts."""

INIT_TIMED_OUT = "Sandbox.Timedout"

KILLED = -9
"""The exit code of a process that SIGKILL ended."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The handler returned."""

    payload: bytes

    @property
    def value(self) -> Any:
        """The payload decoded."""
        return json.loads(self.payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Anything but a reply; the leaves say what happened."""

    error_type: str
    message: str

    @property
    def payload(self) -> bytes:
        """The error as Lambda hands it to a caller."""
        return json.dumps({"errorMessage": self.message, "errorType": self.error_type}).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionError(Failure):
    """The handler raised, or its reply was refused."""

    stack_trace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOut(Failure):
    """The process was killed at its deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashed(Failure):
    """The process ended before it answered; ``exit_code`` is negative where a signal ended it."""

    exit_code: int
    started: bool = True  # whether it had fetched the event


@dataclass(frozen=True, slots=True, kw_only=True)
class InitFailed(Failure):
    """No process came up, twice: its module raised, it exited, or INIT took too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled(Failure):
    """As many invocations as the function may have at once are under way; nothing was started."""

    error_type: str = "TooManyRequestsException"
    message: str = "Rate Exceeded."


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTooLarge(Failure):
    """The event is over Lambda's limit; nothing was started."""


Answer = Reply | Failure


def raised(body: bytes) -> FunctionError:
    """Read the error that awslambdaric posted."""
    error = json.loads(body)
    return FunctionError(
        error_type=error["errorType"],
        message=error["errorMessage"],
        stack_trace=tuple(error.get("stackTrace") or ()),
    )


def error_of(failure: Failure, *, request_id: str) -> dict[str, Any]:
    """Word an error as Lambda hands it to who waits: what a handler raised says its stack trace too."""
    body: dict[str, Any] = {"errorMessage": failure.message, "errorType": failure.error_type}
    if isinstance(failure, FunctionError):
        body |= {"requestId": request_id, "stackTrace": list(failure.stack_trace)}
    return body


def request_too_large(size: int) -> RequestTooLarge:
    """Say that the event was over Lambda's limit."""
    return RequestTooLarge(
        error_type="RequestEntityTooLargeException",
        message=f"{size} byte payload is too large for the RequestResponse invocation type"
        f" (limit {MAX_REQUEST_BYTES} bytes)",
    )


def too_large() -> FunctionError:
    """Say that the reply was over Lambda's limit."""
    return FunctionError(
        error_type="Function.ResponseSizeTooLarge",
        message=f"Response payload size exceeded maximum allowed payload size ({MAX_REPLY_BYTES} bytes).",
    )


def timed_out(request_id: str, *, timeout_s: float) -> TimedOut:
    """Say that the deadline passed."""
    return TimedOut(
        error_type="Sandbox.Timedout",
        message=f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds",
    )


def crashed(request_id: str, *, exit_code: int, started: bool) -> Crashed:
    """Say how the process ended."""
    return Crashed(
        error_type="Runtime.ExitError",
        message=f"RequestId: {request_id} Error: {_exit_text(exit_code)}",
        exit_code=exit_code,
        started=started,
    )


def init_raised(body: bytes) -> InitFailed:
    """Read the error that awslambdaric posted of INIT."""
    error = json.loads(body)
    return InitFailed(error_type=error["errorType"], message=error["errorMessage"])


def init_exited(exit_code: int) -> InitFailed:
    """Say how the process ended during INIT."""
    return InitFailed(error_type="Runtime.ExitError", message=_exit_text(exit_code))


def init_timed_out(*, timeout_s: float) -> InitFailed:
    """Say that INIT did not end in time."""
    message = f"INIT did not end within {timeout_s:g} seconds"
    return InitFailed(error_type=INIT_TIMED_OUT, message=message)


def _exit_text(exit_code: int) -> str:
    if exit_code == 0:
        return "Runtime exited without providing a reason"
    if exit_code > 0:
        return f"Runtime exited with error: exit status {exit_code}"
    words = signal.strsignal(-exit_code) or str(-exit_code)
    return f"Runtime exited with error: signal: {words.lower()}"
