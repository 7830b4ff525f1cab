"""What goes into the executor and what comes out: a function, an invocation, the report on it.

An answer is what Lambda would tell a caller, error types and texts included: match on its class.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function's configuration; ``handler`` is ``module.name``, in ``task_root`` or installed."""

    name: str
    handler: str
    timeout_s: float
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int = 2048
    max_concurrency: int = 10
    region: str = "us-east-1"
    account_id: str = "000000000000"
    task_root: Path = field(default_factory=Path.cwd)
    python: str = sys.executable

    @property
    def arn(self) -> str:
        """The unqualified ARN."""
        return f"arn:aws:lambda:{self.region}:{self.account_id}:function:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One event on its way to a worker process; ``deadline_ms`` is wall time since the epoch."""

    request_id: str
    payload: bytes
    deadline_ms: int
    function_arn: str
    trace_id: str


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
        """The error as Lambda words it for a caller."""
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
    """No process came up: its module raised, it exited, or INIT took too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled(Failure):
    """As many invocations as the function may have at once are under way; nothing was started."""

    error_type: str = "TooManyRequestsException"
    message: str = "Rate Exceeded."


Answer = Reply | Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How an invocation ended, and what it took; times are wall time."""

    request_id: str
    answer: Answer
    logs: str = ""  # all that the process printed, of its INIT too where it was cold
    duration_s: float = 0.0  # without INIT
    init_s: float = 0.0  # INIT, where the invocation waited for a new process

    @property
    def cold(self) -> bool:
        """Whether the invocation waited for a new process."""
        return self.init_s > 0
