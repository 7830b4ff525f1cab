"""The handler to compare with: it does nothing, and it too says when it was called."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

MARKS = sys.modules["sitecustomize"].MARKS
MARKS.append(("awslambdaric", time.monotonic_ns()))


def handler(_event: Any, _context: Any) -> dict[str, list[Any]]:
    """Reply that all is done."""
    now = time.monotonic_ns()
    print("coldstart", json.dumps([*MARKS, ("event", now), ("invocation", now)]))  # noqa: T201 - read by the parent
    return {"batchItemFailures": []}
