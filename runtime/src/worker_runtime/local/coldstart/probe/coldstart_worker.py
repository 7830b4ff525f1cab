"""A worker behind Lambda's door, opened part by part; each part's end is noted.

What the door would import by itself is imported here just before, in the same order.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

MARKS = sys.modules["sitecustomize"].MARKS


def _note(phase: str) -> None:
    MARKS.append((phase, time.monotonic_ns()))


def _opened() -> Any:
    from worker_runtime import handler as door  # noqa: PLC0415 - from here on it is measured
    from worker_runtime.catalogue import installed  # noqa: PLC0415 - as above

    _note("runtime")
    catalogue = installed()
    worker_id = catalogue.find(os.environ["APP_NAME"])
    _note("index")
    catalogue.worker(worker_id).load()
    _note("worker")
    catalogue.plugin(worker_id.partition(".")[0]).load()
    _note("plugin")
    return door.handler


_note("awslambdaric")
print("coldstart imports", file=sys.stderr, flush=True)  # noqa: T201 - what -X importtime says from here on is ours
_handle = _opened()
_note("services")


def handler(event: Any, context: Any) -> Any:
    """Run the worker and say when each part was over."""
    _note("event")
    try:
        return _handle(event, context)
    finally:
        _note("invocation")
        print("coldstart", json.dumps(MARKS))  # noqa: T201 - read by the parent
