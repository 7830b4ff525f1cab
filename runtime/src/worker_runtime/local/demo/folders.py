"""Where a demo's files lie: a temporary folder that outlives it, so that they can be read afterwards."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker_runtime.clock import RealClock

if TYPE_CHECKING:
    from worker_runtime.clock import Clock

KEPT_S: Final = 86_400.0

PREFIX: Final = "workers-demo-"


def new_folder(*, within: Path | None = None, clock: Clock | None = None) -> Path:
    """Make a folder for one demo, in the system's temporary one if not ``within``; old demos' are removed.

    Removed are those of the same user that are older than ``KEPT_S``.
    """
    place = within or Path(tempfile.gettempdir())
    oldest = (clock or RealClock()).now() - KEPT_S
    for earlier in place.glob(f"{PREFIX}*"):
        if _ours_before(earlier, oldest):
            shutil.rmtree(earlier, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))


def _ours_before(folder: Path, moment: float) -> bool:
    try:
        found = folder.lstat()  # what a link points at is not ours to remove
    except OSError:
        return False  # another demo was quicker
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and found.st_mtime < moment
