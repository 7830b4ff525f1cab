"""Files that a command is to make: what speaks against one is said before its work, not after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.local.commands.reporting import Misuse

if TYPE_CHECKING:
    from pathlib import Path


def refuse_taken(file: Path) -> None:
    """Raise Misuse where the file is there already, since it may be anybody's, or has no folder to be in."""
    if file.exists():
        raise Misuse(f"{file} is there already; name another file, or remove it.")
    refuse_no_folder(file)


def refuse_no_folder(file: Path) -> None:
    """Raise Misuse where the folder of a file is not there."""
    if not file.parent.is_dir():
        raise Misuse(f"cannot write {file}: there is no folder {file.parent}.")
