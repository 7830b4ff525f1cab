"""How far a backfill has come, in a file: whatever ends it, the same command goes on from there."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.local.whole_files import write_whole
from workers_pipeline.local.backfill.batches import NOTHING_TAKEN
from workers_pipeline.local.backfill.refusals import Unwritable
from workers_pipeline.local.backfill.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

VERSION: Final = 1


class Progress(Struct, rename="camel", kw_only=True):
    """The file: whose it is, and all that the next batch has to know.

    ``at`` is the file among the inputs, ``last`` the line in it behind which the next batch begins,
    ``refused_bytes`` how much of the file of refusals is right. ``only`` are the files that are taken, None
    for all; ``lost`` those of which nothing could be. ``came`` are digests of recorded batches.
    """

    version: int = VERSION
    backfill: str
    sources: tuple[str, ...]
    refusals: str
    at: int = 0
    last: int = 0
    refused_bytes: int = 0
    done: bool = False
    only: tuple[int, ...] | None = None
    lost: tuple[int, ...] = ()
    came: set[str] = msgspec.field(default_factory=set)
    tally: Tally = msgspec.field(default_factory=Tally)

    def todo(self, files: int) -> list[int]:
        """List the files that are not done, of so many; the first of them may be done in part."""
        return [at for at in (range(files) if self.only is None else self.only) if at >= self.at]

    def comes_again(self, files: Iterable[str]) -> bool:
        """Whether a recorded batch that makes these files came before; remembers that it came."""
        names = {key.rpartition("/")[2] for key in files}  # one: a batch's files differ in their folders
        digests = {blake2b(name.encode(), digest_size=8).hexdigest() for name in names}
        before = bool(digests) and digests <= self.came
        self.came |= digests
        return before

    def reopen(self) -> None:
        """Begin anew with the files of which nothing could be taken, and with no other."""
        self.only, self.lost = self.lost, ()
        self.at, self.last, self.done = self.only[0], 0, False
        self.tally.forget(NOTHING_TAKEN)


class StateFile:
    """A file that always holds one whole Progress: the last one that was kept, or the one before."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, begun: Progress) -> Progress | None:
        """Read how far the backfill is that begins as ``begun``; None where there is no file.

        Raises Misuse where it is another's, or none.
        """
        try:
            found = msgspec.json.decode(self.path.read_bytes(), type=Progress)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Misuse(f"cannot read {self.path}: {error.strerror}.") from error
        except ValueError as error:
            raise Misuse(f"{self.path} is no state of a backfill; name another with --state.") from error
        if (found.version, found.backfill) != (begun.version, begun.backfill):
            raise Misuse(
                f"{self.path} is of another backfill: of other sources ({', '.join(found.sources)}), another"
                " range, or another bucket. Name another with --state, or remove it to begin anew."
            )
        if found.refusals != begun.refusals:
            if found.refused_bytes:
                cure = f"say so again, or remove {self.path} to begin anew."
                raise Misuse(f"this backfill was begun with --rejected {found.refusals}; {cure}")
            found.refusals = begun.refusals
        return found

    def keep(self, progress: Progress) -> None:
        """Put a Progress in its place, whole or not at all; raises Unwritable."""
        try:
            write_whole(self.path, msgspec.json.encode(progress), durable=True)
        except OSError as error:
            raise Unwritable(f"cannot write {self.path}: {error.strerror}.") from error
