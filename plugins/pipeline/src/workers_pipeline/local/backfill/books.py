"""A backfill's two files: how far it is, and what it could not deliver; always of one mind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from workers_pipeline.local.backfill.refusals import RefusalFile
from workers_pipeline.local.backfill.state import Progress, StateFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workers_pipeline.local.backfill.tally import Refusal

_UNUSUAL: Final = re.compile(r"[^\w.-]+")
_DIGITS: Final = 8


class Books:
    """What is kept of a backfill; ``progress`` is where it goes on, ``were_closed`` where it does not."""

    is_dry = False

    def __init__(
        self, backfill: str, sources: Sequence[str], *, state: Path | None, refusals: Path | None
    ) -> None:
        """Open the files, named after the sources where no name is given; Misuse where they are others'.

        Nothing is written before ``begin``.
        """
        self.state = state or Path(f"{_name_of(sources[0])}.backfill-{backfill[:_DIGITS]}.json")
        self.refusals = refusals or self.state.with_suffix(".rejected.jsonl")
        begun = Progress(backfill=backfill, sources=tuple(sources), refusals=str(self.refusals.absolute()))
        self._file = StateFile(self.state)
        found = self._file.read(begun)
        self.progress = found or begun
        self.were_closed = self.progress.done
        self._refused = RefusalFile(self.refusals, right=None if found is None else found.refused_bytes)

    def begin(self) -> None:
        """See that the state can be written, before anything is delivered."""
        self._file.keep(self.progress)

    def keep(self, progress: Progress, refusals: Sequence[Refusal]) -> None:
        """Keep what was refused, then how far it is: what a kill leaves of the former is written over."""
        progress.refused_bytes = self._refused.add(refusals)
        self._file.keep(progress)

    def close(self) -> None:
        """Close what is open."""
        self._refused.close()


class NoBooks:
    """Nothing is kept, and each time it is the first: for a dry run."""

    is_dry = True
    were_closed = False
    state = refusals = None

    def __init__(self) -> None:
        self.progress = Progress(backfill="", sources=(), refusals="")

    def begin(self) -> None:
        """Write nothing."""

    def keep(self, progress: Progress, refusals: Sequence[Refusal]) -> None:
        """Keep nothing."""

    def close(self) -> None:
        """Close nothing."""


def _name_of(source: str) -> str:
    return _UNUSUAL.sub("_", source.rstrip("/").rpartition("/")[2]).strip(".") or "changes"
