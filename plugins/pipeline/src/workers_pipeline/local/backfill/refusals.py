"""What was not delivered, kept line by line for the person who mends it."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import IO, TYPE_CHECKING, Final

import msgspec

from worker_runtime.local.commands.reporting import CommandFailed, Misuse
from worker_runtime.local.whole_files import write_whole
from workers_pipeline.local.backfill.batches import sequence_of
from workers_pipeline.local.backfill.tally import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from workers_pipeline.local.backfill.batches import Batch, Input
    from workers_pipeline.local.backfill.watching import Letter

_OWN: Final = 0o600  # the lines hold people's data


class Unwritable(CommandFailed):
    """A file of ours cannot be written."""


class RefusalFile:
    """JSON Lines of refusals; there is no file as long as there is none."""

    def __init__(self, path: Path, *, right: int | None) -> None:
        """Go on behind the bytes that are ``right``: what a killed run wrote behind them is written again.

        With None it is a new file; Misuse where it is there already.
        """
        if right is None and path.exists():
            raise Misuse(f"{path} is there already; remove it, or name another with --rejected.")
        self._path = path
        self._right = right or 0
        self._file: IO[bytes] | None = None

    def begin(self) -> None:
        """See that the file can be written, before there is anything to write; raises Unwritable."""
        seen = self._path if self._path.exists() else self._path.parent
        if not os.access(seen, os.W_OK):
            raise Unwritable(f"cannot write {self._path}: we may not write to {seen}.")

    def leave_out(self, codes: Collection[str]) -> int:
        """Keep what was refused with other codes alone; return how many bytes are right then.

        Raises Unwritable.
        """
        try:
            held = self._path.read_bytes()[: self._right] if self._path.exists() else b""
            lines = [line for line in held.splitlines(keepends=True) if _code(line) not in codes]
            if lines:
                write_whole(self._path, b"".join(lines), durable=True)
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            raise Unwritable(f"cannot write {self._path}: {error.strerror}.") from error
        self._right = sum(map(len, lines))
        return self._right

    def add(self, refusals: Sequence[Refusal]) -> int:
        """Write refusals and return how many bytes are right now; raises Unwritable."""
        if not refusals:
            return self._right
        try:
            if self._file is None:
                self._file = self._opened()
            self._file.write(b"".join(msgspec.json.encode(each) + b"\n" for each in refusals))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise Unwritable(f"cannot write {self._path}: {error.strerror}.") from error
        self._right = self._file.tell()
        return self._right

    def close(self) -> None:
        """Close it."""
        if self._file is not None:
            self._file.close()

    def _opened(self) -> IO[bytes]:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, _OWN)
        file = os.fdopen(descriptor, "wb")
        file.truncate(min(self._right, os.fstat(descriptor).st_size))
        file.seek(0, os.SEEK_END)
        return file


def refused(file: Input, batch: Batch, letters: Sequence[Letter]) -> list[Refusal]:
    """Name what of a batch was not delivered, by file and line."""
    unread = [Refusal(file.name, each.line, each.code, each.why, *_kept(each.text)) for each in batch.unread]
    if not letters or batch.event is None:
        return unread
    lines = dict(zip(map(sequence_of, batch.event["Records"]), batch.lines, strict=True))
    dead = [
        Refusal(
            file.name, lines[each.record_id], each.code, _without(each.code, each.error), dead_lettered=True
        )
        for each in letters
    ]
    return unread + dead


def _without(code: str, error: str) -> str:
    return error.removeprefix(code).removeprefix(": ")


def _code(line: bytes) -> str:
    return msgspec.json.decode(line, type=Refusal).code


def _kept(line: bytes) -> tuple[str | None, str | None]:
    """Return a line as text, or what is none as base64."""
    try:
        return line.decode() or None, None
    except UnicodeDecodeError:
        return None, b64encode(line).decode()
