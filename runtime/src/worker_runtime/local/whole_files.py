"""Files that are always whole: what they held before, or all of what they hold now."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_OWN: Final = 0o600  # what is kept may hold people's data


def write_whole(file: Path, data: bytes, *, durable: bool = False) -> None:
    """Put a file in its place, for its owner alone; raises OSError, and leaves then what is there.

    A durable one is on the disk when this returns: it survives the machine, and not the process alone.
    """
    new = unfinished(file)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWN)
    with os.fdopen(descriptor, "wb") as written:
        written.write(data)
        if durable:
            written.flush()
            os.fsync(descriptor)
    new.replace(file)


def unfinished(file: Path) -> Path:
    """Name what stands beside a file while it is written."""
    return file.with_name(f".{file.name}.new")
