"""What goes into the executor and what comes out: a function, an invocation, the report on it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.local.stage.execution.answers import Answer


UNRESERVED_CONCURRENCY = 10
"""Invocations at once of a function that reserves no number: as many processes as a machine may bear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function's configuration; ``handler`` is ``module.name``, in ``task_root`` or installed."""

    name: str
    handler: str
    timeout_s: float
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int = 2048
    max_concurrency: int = UNRESERVED_CONCURRENCY
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


def trace_part(request_id: str) -> str:
    """Return the 96 bits by which an invocation's trace, and so each call that it makes, names it."""
    return md5(request_id.encode(), usedforsecurity=False).hexdigest()[:24]


def trace_id_of(request_id: str, *, at: float) -> str:
    """Word the trace header of an invocation that begins ``at`` (epoch seconds)."""
    return f"Root=1-{int(at):08x}-{trace_part(request_id)};Sampled=0"
