"""A queue as its pollers know it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledQueue:
    """A queue as it really is, and how long it hides what was received."""

    url: str
    arn: str
    visibility_s: float
