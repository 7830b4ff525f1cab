"""``workers stage down``: the stage of a folder, ended in order from another process."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Final

from worker_runtime.local.commands.reporting import CommandFailed
from worker_runtime.local.serving.status import NoStage
from worker_runtime.local.stage.keeping.state_folder import read_begun, user_of

if TYPE_CHECKING:
    from pathlib import Path

WITHIN_S: Final = 60.0

_LOOK_S: Final = 0.1


class NotStopped(CommandFailed):
    """A stage was asked to stop and has not."""


def stop_stage(folder: Path, *, within_s: float = WITHIN_S) -> int | None:
    """Ask the folder's stage to end, wait until it has, and return its process id; None where none runs.

    Raises NoStage where no stage ever was in the folder, NotStopped where it takes too long.
    """
    ends_at = time.monotonic() + within_s
    asked = None
    while (pid := user_of(folder)) is not None and asked in (None, pid):
        if time.monotonic() > ends_at:
            raise NotStopped(f"the stage of {folder}, process {pid or 'unknown'}, has not ended yet.")
        if pid and asked is None:  # 0: it takes the folder this moment, and says who it is in the next
            os.kill(pid, signal.SIGTERM)
            asked = pid
        time.sleep(_LOOK_S)
    if asked is None and read_begun(folder) is None:
        raise NoStage(f"there is no stage in {folder}; name another folder with --state.")
    return asked
