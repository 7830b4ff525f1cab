"""Lambda's door, opened for one test on an installed third-party worker."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from imported import import_path
from worker_runtime.handler import open_door
from worker_runtime.testing import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from installed import Site


@contextmanager
def door_of(site: Site, name: str) -> Iterator[Callable[[Any], Any]]:
    """Yield what takes an event to its reply; logging is afterwards as it was before."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with import_path(site.folder):
        handle = open_door({"APP_NAME": name}, at_end=lambda _close: None)
        try:
            yield lambda event: handle(event, Context())
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)
