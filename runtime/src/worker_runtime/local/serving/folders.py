"""Where the state folder of a stage that is kept up lies, and how it is begun anew."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.local.stage.keeping.state_folder import in_use, read_begun, user_of

FOLDER: Final = Path(".stage")
"""Where nobody names another."""

ENVIRONMENT_FILE: Final = "stage.env"
"""In the state folder, where nobody names another file."""


def begin_anew(folder: Path) -> None:
    """Remove a state folder with all in it; raises Misuse where it is no stage's, FolderInUse."""
    if not folder.exists():
        return
    if read_begun(folder) is None and any(folder.iterdir()):
        raise Misuse(f"{folder} is no stage's folder, so it is not removed; remove it yourself.")
    if user_of(folder) is not None:
        raise in_use(folder)
    shutil.rmtree(folder)
