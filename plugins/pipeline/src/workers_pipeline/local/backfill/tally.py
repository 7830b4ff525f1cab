"""What became of the changes, counted: every one that is read is in one of the counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

Counts = dict[str, int]

NAMED_MAX: Final = 100


class Stored(Struct):
    """What was stored of one table and partition, say."""

    files: int = 0
    rows: int = 0
    bytes: int = 0

    def add(self, *, rows: int, size: int) -> None:
        """Count a file."""
        self.files += 1
        self.rows += rows
        self.bytes += size


class Refusal(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What was not delivered: where it stands, and why; ``text`` is the line, ``base64`` if it is none."""

    file: str
    line: int | None
    code: str
    why: str
    text: str | None = None
    base64: str | None = None
    dead_lettered: bool = False


class Tally(Struct, rename="camel"):
    """Counts of changes but for ``batches`` and ``broken``, which are files; codes and reasons by name.

    ``stored`` is what is there in the end; ``again`` came in batches that had come before, and stood over it.
    ``passed_over`` are another worker's. ``named`` are the first of what was refused; the file of refusals
    has them all.
    """

    batches: int = 0
    read: int = 0
    passed_over: int = 0
    out_of_range: int = 0
    skipped: Counts = {}
    dead_lettered: Counts = {}
    unread: Counts = {}
    broken: Counts = {}
    stored: dict[str, Stored] = {}
    again: Stored = msgspec.field(default_factory=Stored)
    named: list[Refusal] = []

    @property
    def rows(self) -> int:
        """The rows that are in files."""
        return sum(each.rows for each in self.stored.values())

    @property
    def files(self) -> int:
        """The files that were stored."""
        return sum(each.files for each in self.stored.values())

    @property
    def bytes(self) -> int:
        """What all files have together."""
        return sum(each.bytes for each in self.stored.values())

    @property
    def refused(self) -> int:
        """The changes that are dead letters, or were not read."""
        return sum(self.dead_lettered.values()) + sum(self.unread.values())

    @property
    def unaccounted(self) -> int:
        """The changes of which nobody knows what became; 0, or something is wrong here."""
        known = self.rows + self.again.rows + self.refused + self.passed_over + self.out_of_range
        return self.read - known - sum(self.skipped.values())

    @property
    def is_clean(self) -> bool:
        """Whether all that was read was taken."""
        return not self.refused and not self.broken

    def forget(self, codes: Collection[str]) -> None:
        """Leave out the files that were refused with these codes."""
        self.broken = {code: many for code, many in self.broken.items() if code not in codes}
        self.named = [each for each in self.named if each.code not in codes]

    def name(self, refusals: Sequence[Refusal]) -> None:
        """Keep the first of what was refused, without what stands in them."""
        room = NAMED_MAX - len(self.named)
        self.named += [replace(each, text=None, base64=None) for each in refusals[: max(room, 0)]]


def add(counts: Counts, more: Mapping[str, int]) -> None:
    """Add to counts by name."""
    for name, many in more.items():
        counts[name] = counts.get(name, 0) + many
