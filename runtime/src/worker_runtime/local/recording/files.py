"""Recordings on disk: written a line at a time, read a line at a time, however long they are."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.local.recording.lines import FORMAT, VERSION, Event, Head
from worker_runtime.local.stage.parts.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

_OWN: Final = 0o600  # also what is masked is nobody else's business
_LONGEST: Final = 200

_read_line = msgspec.json.Decoder(Event).decode


class NoRecording(Misuse):
    """A file is no recording, or none that this version can read."""


class BadLine(Struct, frozen=True):
    """A line that cannot be read, and why."""

    number: int
    why: str


class RecordingFile(Part):
    """A new file that takes events from many threads; each is on disk's way when ``write`` returns."""

    def __init__(self, path: Path, *, head: Head) -> None:
        self.path = path
        self.written = 0
        self.records = 0
        self._head = head
        self._lock = threading.Lock()

    def start(self) -> Self:
        """Make the file; raises Misuse where it is there already or cannot be made."""
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWN)
        except FileExistsError:
            raise Misuse(f"{self.path} is there already; name a new file for the recording.") from None
        except OSError as error:
            raise Misuse(f"cannot write {self.path}: {error.strerror}.") from error
        self._file = os.fdopen(descriptor, "wb")
        self._put(self._head)
        return self

    def stop(self) -> None:
        """Close the file; what is written later is dropped."""
        with self._lock:
            self._file.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file; remove it where an error came before the first event: it can be tried again."""
        super().__exit__(kind, error, traceback)
        if isinstance(error, Exception) and not self.written:
            self.path.unlink(missing_ok=True)

    def write(self, event: Event) -> None:
        """Add an event."""
        with self._lock:
            if not self._file.closed:
                self._put(event)
                self.written += 1
                self.records += len(event.records)

    def _put(self, line: Head | Event) -> None:
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()


class Recording:
    """A file that is read: its head at once, its events as they are asked for.

    What is added after its opening is left out: a stage that is still recorded would record its replay.
    """

    def __init__(self, path: Path) -> None:
        """Read the head; raises NoRecording."""
        self.path = path
        try:
            with path.open("rb") as file:
                self._bytes = os.fstat(file.fileno()).st_size
                self.head = _head(path, file.readline())
        except OSError as error:
            raise NoRecording(f"cannot read {path}: {error.strerror}.") from error

    def __iter__(self) -> Iterator[tuple[int, Event | BadLine]]:
        """Read line after line, each with its number; of what cannot be read, why."""
        read = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if read >= self._bytes:
                    return
                read += len(line)
                if number > 1 and line.strip():
                    yield number, _event(number, line)


def _head(path: Path, line: bytes) -> Head:
    try:
        said = msgspec.json.decode(line)
        known = said["format"] == FORMAT
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError, KeyError):
        known, said = False, {}
    if not known:
        raise NoRecording(f"{path} is no recording; `workers record` writes one.")
    if said.get("version") != VERSION:
        cure = "read it with the version of worker-runtime that wrote it, or record anew."
        raise NoRecording(
            f"{path} is a recording of version {said.get('version')}, and this is {VERSION}; {cure}"
        )
    try:
        return msgspec.convert(said, Head)
    except msgspec.ValidationError as error:
        raise NoRecording(f"{path}: its first line is damaged: {error}.") from error


def _event(number: int, line: bytes) -> Event | BadLine:
    if not line.endswith(b"\n"):
        try:
            return _read_line(line)
        except (ValueError, RecursionError):
            return BadLine(number, "it ends in the middle: the recording was cut off")
    try:
        return _read_line(line)
    except (ValueError, RecursionError) as error:
        return BadLine(number, str(error)[:_LONGEST])
