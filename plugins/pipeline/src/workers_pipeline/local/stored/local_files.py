"""Files and folders of this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from worker_runtime.local.commands.reporting import Misuse
from workers_pipeline.local.stored.unreadable import Missing, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file or folder."""

    path: Path

    @classmethod
    def named(cls, text: str) -> LocalFile:
        """Find a file by its path; Misuse where nothing is named."""
        if not text:
            raise Misuse("'' names no file and no folder; is a variable empty? The folder here is '.'.")
        return cls(Path(text))

    def __str__(self) -> str:
        return legible(self.path)

    @property
    def name(self) -> str:
        """Its last part."""
        return self.path.name

    def is_file(self) -> bool:
        """Whether it is there, and no folder, nor a pipe that nobody may ever write to."""
        return self.path.is_file()

    def open(self) -> BufferedReader:
        """Open it; Missing where it is not there, Unreadable where we may not."""
        try:
            return self.path.open("rb")
        except FileNotFoundError as error:
            raise Missing(file=self) from error
        except OSError as error:
            raise Unreadable(f"cannot be opened: {error.strerror}", file=self) from error

    def version(self) -> str:
        """Return the digest of what is in it."""
        with self.open() as file:
            return file_digest(file, "sha256").hexdigest()

    def beside(self, *path: str) -> LocalFile:
        """Return the file of this path from its folder."""
        found = self.path.parent.joinpath(*path)
        return LocalFile(found.resolve() if ".." in path else found)

    def below(self, pattern: str) -> Iterator[LocalFile]:
        """Find files of such names, and links of such that lead nowhere; Misuse where a folder is refused."""
        if not self.path.is_dir():
            return
        for folder, folders, names in os.walk(self.path, onerror=_refuse):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                if fnmatchcase(name, pattern) and (path.is_file() or not path.exists()):
                    yield LocalFile(path)


def legible(path: str | Path) -> str:
    r"""Word a path as text that can be written, whatever its bytes are: ``caf\xe9``, say."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _refuse(error: OSError) -> NoReturn:
    raise Misuse(f"cannot read {legible(error.filename)}: {error.strerror}.") from error
