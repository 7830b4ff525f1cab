"""What a scenario hands back: how every item ended, and what is wrong with that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Finding(Struct, frozen=True):
    """One thing that is not as it has to be; ``item`` is the id that a person would search for."""

    item: str
    problem: str


class Outcome(Struct, frozen=True, kw_only=True):
    """The findings of a scenario's ledger; none of them means that the job is proven.

    ``endings`` counts items by how they ended, each item once; ``remarks`` are facts beside them (sentences);
    ``state`` is a digest of the final items without what differs from run to run: times, versions.
    """

    endings: Mapping[str, int]
    findings: tuple[Finding, ...] = ()
    remarks: tuple[str, ...] = ()
    state: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.findings
