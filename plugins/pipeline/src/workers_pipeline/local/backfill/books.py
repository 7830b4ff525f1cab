"""A backfill's two files: how far it is, and what it could not deliver; always of one mind."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker_runtime.local.commands.new_files import refuse_no_folder
from worker_runtime.local.commands.reporting import CommandFailed, Misuse
from worker_runtime.local.locked_files import locked
from worker_runtime.local.whole_files import unfinished
from workers_pipeline.local.backfill.batches import NOTHING_TAKEN
from workers_pipeline.local.backfill.refusals import RefusalFile, Unwritable
from workers_pipeline.local.backfill.state import Progress, StateFile
from workers_pipeline.local.stored.local_files import legible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workers_pipeline.local.backfill.tally import Refusal

_UNUSUAL: Final = re.compile(r"[^\w.-]+")
_DIGITS: Final = 8


class InUse(CommandFailed):
    """Another process does the same backfill, or one with the same state."""


class Books:
    """What is kept of a backfill; ``progress`` is where it goes on, ``were_closed`` where it does not.

    ``kept`` is how many changes are done for good: what is under way is not among them. Until ``close``
    nobody else has the state.
    """

    is_dry = False

    def __init__(
        self, backfill: str, sources: Sequence[str], *, state: Path | None, refusals: Path | None
    ) -> None:
        """Open the files, named after the sources where no name is given.

        Raises Misuse where they are others', one file or in no folder, InUse where somebody uses them.
        Nothing is written to them before ``begin``.
        """
        _refuse_folder(state, said_by="--state")
        _refuse_folder(refusals, said_by="--rejected")
        self.state = state or Path(f"{_name_of(sources[0])}.backfill-{backfill[:_DIGITS]}.json")
        self.refusals = refusals or self.state.with_suffix(".rejected.jsonl")
        _refuse_same(self.state, self.refusals)
        begun = Progress(
            backfill=backfill,
            sources=tuple(map(legible, sources)),
            refusals=legible(self.refusals.absolute()),
        )
        self._file = StateFile(self.state)
        with ExitStack() as parts:
            _take(self.state, parts)
            found = self._file.read(begun)
            right = None if found is None else found.refused_bytes
            self._refused = RefusalFile(self.refusals, right=right)
            parts.callback(self._refused.close)
            self._parts = parts.pop_all()
        self.progress = found or begun
        self.were_closed = self.progress.done and not self.progress.lost
        self._reopened = self.progress.done and not self.were_closed
        if self._reopened:
            self.progress.reopen()

    @property
    def kept(self) -> int:
        """How many changes are done for good, as the file has it: a stop may come just behind its writing."""
        held = self._file.read(self.progress)
        return 0 if held is None else held.tally.read

    def begin(self) -> None:
        """See that both files can be written, before anything is delivered; raises Unwritable."""
        self._refused.begin()
        if self._reopened:
            self.progress.refused_bytes = self._refused.leave_out(NOTHING_TAKEN)
        self._file.keep(self.progress)

    def keep(self, progress: Progress, refusals: Sequence[Refusal]) -> None:
        """Keep what was refused, then how far it is: what a kill leaves of the former is written over."""
        progress.refused_bytes = self._refused.add(refusals)
        self._file.keep(progress)

    def close(self) -> None:
        """Close what is open, and let others have it."""
        self._parts.close()


class NoBooks:
    """Nothing is kept, and each time it is the first: for a dry run."""

    is_dry = True
    were_closed = False
    state = refusals = None
    kept = 0

    def __init__(self) -> None:
        self.progress = Progress(backfill="", sources=(), refusals="")

    def begin(self) -> None:
        """Write nothing."""

    def keep(self, progress: Progress, refusals: Sequence[Refusal]) -> None:  # noqa: ARG002 - nobody mends them
        """Keep nothing but the count."""
        self.kept = progress.tally.read

    def close(self) -> None:
        """Close nothing."""


def _lock_of(state: Path) -> Path:
    return state.with_name(f".{state.name}.lock")


def _refuse_same(state: Path, refusals: Path) -> None:
    """Raise Misuse where one of the files would be written over the other, or has no folder to be in."""
    taken = {each.resolve() for each in (state, unfinished(state), _lock_of(state))}
    if refusals.resolve() in taken:
        raise Misuse(f"--rejected {refusals} is --state {state}, or a file that it needs; name another.")
    for each in (state, refusals):
        refuse_no_folder(each)


def _refuse_folder(file: Path | None, *, said_by: str) -> None:
    if file is not None and (not file.name or file.is_dir()):
        raise Misuse(f"{said_by} {legible(file)} is a folder; name a file.")


def _take(state: Path, parts: ExitStack) -> None:
    """Have a state for ourselves until ``parts`` are closed; a lock file beside it stays for as long.

    The state itself cannot be locked: each time that it is kept it is another file.
    """
    file = _lock_of(state)
    try:
        while (lock := locked(file, parts)) is not None and not _is_there(lock, file):
            pass  # whoever had it removed the file just now
    except OSError as error:
        raise Unwritable(f"cannot write {file}: {error.strerror}.") from error
    if lock is None:
        raise InUse(f"a backfill with the state {state} is under way; wait for its end, or stop it.")
    parts.callback(file.unlink, missing_ok=True)


def _is_there(lock: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock), file.stat())
    except FileNotFoundError:
        return False


def _name_of(source: str) -> str:
    return _UNUSUAL.sub("_", source.rstrip("/").rpartition("/")[2]).strip(".") or "changes"
