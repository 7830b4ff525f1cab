"""Handlers that the executor's tests run in real worker processes."""

# ruff: noqa: T201, ARG001 - they print to be captured, and take what Lambda passes
from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from typing import Any


def echo(event: Any, context: Any) -> Any:
    return event


def describe(event: Any, context: Any) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "environment": dict(os.environ),
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "remaining_ms": context.get_remaining_time_in_millis(),
    }


def behave(event: dict[str, Any], context: Any) -> Any:
    """Do what the event's ``do`` says."""
    return globals()["_" + event.pop("do")](**event)


def _say(text: str) -> int:
    print(text)
    print(text + " to stderr", file=sys.stderr)
    logging.getLogger().warning("%s logged", text)
    return os.getpid()


def _fail(text: str, kind: str = "ValueError") -> None:
    raise type(kind, (Exception,), {})(text)


def _exit(code: int) -> None:
    sys.exit(code)


def _vanish(code: int) -> None:
    os._exit(code)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _break() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _sleep(seconds: float) -> int:
    print("sleeping")
    time.sleep(seconds)
    return os.getpid()


def _large(size: int) -> str:
    return "x" * size


def _say_and_vanish(text: str) -> None:
    print(text)
    os._exit(1)


def _start_another() -> int:
    return subprocess.Popen(["sleep", "600"]).pid  # noqa: S607 - any process will do
