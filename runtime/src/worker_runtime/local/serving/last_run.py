"""How the stage of a state folder was brought up last, so that it goes on as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker_runtime.local.stage.keeping.standing import read_standing
from worker_runtime.local.stage.keeping.state_folder import read_begun

if TYPE_CHECKING:
    from pathlib import Path


class LastRun(Struct, frozen=True, kw_only=True):
    """Which stacks it had, none meaning all, and how fast its time ran."""

    stacks: tuple[str, ...] = ()
    speed: float = 1.0


NEVER: Final = LastRun()
"""How a stage is brought up of which nobody says how."""


def last_run(folder: Path) -> LastRun:
    """Read how the folder's stage ran last; NEVER where it never did. Raises FolderRefused."""
    begun = read_begun(folder) if folder.is_dir() else None
    if begun is None:
        return NEVER
    standing = read_standing(folder)
    return LastRun(stacks=begun.stacks, speed=NEVER.speed if standing is None else standing.speed)
