"""How far a backfill has come, in a file: whatever ends it, the same command goes on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.local.whole_files import write_whole
from workers_pipeline.local.backfill.refusals import Unwritable
from workers_pipeline.local.backfill.tally import Tally

if TYPE_CHECKING:
    from pathlib import Path

VERSION: Final = 1


class Progress(Struct, rename="camel", kw_only=True):
    """The file: whose it is, and all that the next batch has to know.

    ``at`` is the file among the inputs, ``last`` the line in it behind which the next batch begins,
    ``refused_bytes`` how much of the file of refusals is right.
    """

    version: int = VERSION
    backfill: str
    sources: tuple[str, ...]
    refusals: str
    at: int = 0
    last: int = 0
    refused_bytes: int = 0
    done: bool = False
    tally: Tally = msgspec.field(default_factory=Tally)


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
            raise Misuse(f"this backfill was begun with --rejected {found.refusals}; say so again.")
        return found

    def keep(self, progress: Progress) -> None:
        """Put a Progress in its place, whole or not at all; raises Unwritable."""
        try:
            write_whole(self.path, msgspec.json.encode(progress), durable=True)
        except OSError as error:
            raise Unwritable(f"cannot write {self.path}: {error.strerror}.") from error
