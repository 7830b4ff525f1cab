"""Files of this machine: named themselves, or by a folder above them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from worker_runtime.local.commands.reporting import Misuse
from workers_pipeline.local.inspecting.avro_file import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file."""

    path: Path

    @property
    def name(self) -> str:
        """What it is called, as its person called it."""
        return str(self.path)

    def open(self) -> BinaryIO:
        """Open it; Unreadable where we may not, or it is gone."""
        try:
            return self.path.open("rb")
        except OSError as error:
            raise Unreadable(f"cannot be opened: {error.strerror}") from error


def local_files(named: str) -> Iterator[LocalFile]:
    """Find a file, or all ``*.avro`` of a folder and those below it; Misuse where there is neither."""
    path = Path(named)
    if path.is_dir():
        for folder, _, names in os.walk(path, onerror=_refuse):
            for name in names:
                if name.endswith(".avro"):
                    yield LocalFile(Path(folder, name))
    elif path.is_file():
        yield LocalFile(path)
    else:
        raise Misuse(f"there is no file or folder {named}.")


def _refuse(error: OSError) -> NoReturn:
    raise Misuse(f"cannot read {error.filename}: {error.strerror}.") from error
