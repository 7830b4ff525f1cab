"""A handler's module that ends the process the first time that it is imported."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

print("importing")  # noqa: T201 - to be captured
if not Path(os.environ["IMPORTED"]).exists():
    Path(os.environ["IMPORTED"]).touch()
    sys.exit(5)


def handle(event: Any, context: Any) -> int:  # noqa: ARG001 - Lambda's signature
    return int(context.get_remaining_time_in_millis())
