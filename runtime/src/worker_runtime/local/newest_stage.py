"""Where stages of ours keep their state, for commands that are told of none."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from worker_runtime.local.demo.folders import PREFIX
from worker_runtime.local.serving.folders import FOLDER
from worker_runtime.local.stage.keeping.state_folder import user_of
from worker_runtime.local.stage.lineage.schema import FILE


def stage_folders(*, here: Path | None = None, demos: Path | None = None) -> list[Path]:
    """List state folders, the one that is meant first: where a stage runs here, then as they were written.

    There may be one here, and those that demos of ours left.
    """
    within = demos or Path(tempfile.gettempdir())
    own = (here or Path.cwd()) / FOLDER
    found = [own / FILE, *within.glob(f"{PREFIX}*/{FILE}")]
    written = {file.parent: at for file in found if (at := _ours(file)) is not None}

    def meant(folder: Path) -> tuple[bool, float]:
        return folder == own and user_of(folder) is not None, written[folder]

    return sorted(written, key=meant, reverse=True)


def _ours(file: Path) -> float | None:
    """Return when a file of ours was written last, its journal counted; None where it is not ours."""
    try:
        stats = [each.stat() for each in (file, file.with_name(f"{FILE}-wal")) if each.is_file()]
    except OSError:
        return None  # its stage was quicker
    if not stats or any(stat.st_uid != os.getuid() for stat in stats):
        return None
    return max(stat.st_mtime for stat in stats)
