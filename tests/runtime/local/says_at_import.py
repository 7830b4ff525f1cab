"""A handler's module that prints, when it is imported and when it is called."""

# ruff: noqa: T201 - it prints to be captured

from __future__ import annotations

from typing import Any

print("starting")


def handle(event: Any, context: Any) -> Any:  # noqa: ARG001 - Lambda's signature
    print("handling")
    return event
