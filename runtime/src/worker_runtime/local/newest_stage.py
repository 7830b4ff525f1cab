"""Where the stage that ran last keeps its state, for commands that are told of none."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from worker_runtime.local.demo.folders import PREFIX
from worker_runtime.local.serving.folders import FOLDER
from worker_runtime.local.stage.lineage.schema import FILE


def newest_folder(*, here: Path | None = None, demos: Path | None = None) -> Path | None:
    """Find the state folder that was written last: the one kept here, or one that a demo of ours left."""
    within = demos or Path(tempfile.gettempdir())
    found = [(here or Path.cwd()) / FOLDER / FILE, *within.glob(f"{PREFIX}*/{FILE}")]
    files = [(written, file) for file in found if (written := _ours(file)) is not None]
    return max(files)[1].parent if files else None


def _ours(file: Path) -> float | None:
    """Return when a file of ours was written last, its journal counted; None where it is not ours."""
    try:
        stats = [each.stat() for each in (file, file.with_name(f"{FILE}-wal")) if each.is_file()]
    except OSError:
        return None  # its stage was quicker
    if not stats or any(stat.st_uid != os.getuid() for stat in stats):
        return None
    return max(stat.st_mtime for stat in stats)
