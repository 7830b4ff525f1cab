"""Imported by Python itself as the last of its start: the first mark of a measured process."""

from __future__ import annotations

import time

MARKS = [("python", time.monotonic_ns())]
"""Each phase that is over, and when; ``monotonic`` is the machine's, so that the parent's fits."""
