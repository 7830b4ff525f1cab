"""Files that one process at a time holds; whatever ends it lets them go."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

_LOOK_S: Final = 0.05


def locked(file: Path, parts: ExitStack, *, within_s: float = 0.0) -> int | None:
    """Lock a file, which is made where it is missing, until ``parts`` are closed; None where it is taken.

    It is this descriptor's: a process that inherits it holds the lock for as long as it runs.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    ends_at = time.monotonic() + within_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= ends_at:
                os.close(descriptor)
                return None
            time.sleep(_LOOK_S)
        else:
            parts.callback(os.close, descriptor)
            return descriptor
