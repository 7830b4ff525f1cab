"""A handler's module that takes its time to import."""

from __future__ import annotations

import time
from typing import Any

time.sleep(0.5)


def handle(event: Any, context: Any) -> Any:  # noqa: ARG001 - Lambda's signature
    return event
