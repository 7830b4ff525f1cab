"""What a person wants to see of the files: all of them, or some tables, dates and keys."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from workers_pipeline.local.inspecting.times import dating

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workers_pipeline.local.inspecting.places import Place

    RowTest = Callable[[Mapping[str, Any]], bool]


class Dates(Struct, frozen=True):
    """From one date to another, both within; an empty one is no bound."""

    first: str = ""
    last: str = ""

    @classmethod
    def parse(cls, text: str) -> Dates:
        """Read ``DATE``, ``DATE..DATE``, ``DATE..`` or ``..DATE``; ValueError where it is none of them."""
        first, between, last = text.partition("..")
        dates = cls(first, last if between else first)
        bounds = [each for each in (dates.first, dates.last) if each]
        if not bounds or any(date.fromisoformat(each).isoformat() != each for each in bounds):
            raise ValueError(text)
        if bounds != sorted(bounds):
            raise ValueError(text)
        return dates

    def __contains__(self, day: object) -> bool:
        return isinstance(day, str) and self.first <= day and (not self.last or day <= self.last)


class Wanted(Struct, frozen=True):
    """Which files and rows are looked at; what is empty narrows nothing."""

    tables: frozenset[str] = frozenset()
    dates: Dates | None = None
    keys: frozenset[str] = frozenset()
    """Each a partition key, or both keys with a space between."""

    @property
    def is_narrow(self) -> bool:
        """Whether anything is left out."""
        return bool(self.tables or self.dates or self.keys)

    def is_table(self, table: str) -> bool:
        """Whether rows of this table are wanted."""
        return not self.tables or table in self.tables

    def may_be_at(self, place: Place | None) -> bool:
        """Whether a file that stands there may hold what is wanted; one that stands nowhere may."""
        if place is None:
            return True
        return self.is_table(place.table) and (self.dates is None or place.partition_date in self.dates)

    def row_test(self, place: Place) -> RowTest | None:
        """Return what tells the wanted rows of a file from its others; None where all are wanted.

        A file's partition is its rows' date; where it stands in none, each change's own is.
        """
        dates = self.dates if place.partition_date is None else None
        if dates is None and not self.keys:
            return None
        date_of = dating()

        def wanted(row: Mapping[str, Any]) -> bool:
            pk, at_ms = row.get("pk"), row.get("changed_at_ms")
            if self.keys and self.keys.isdisjoint((pk, f"{pk} {row.get('sk')}")):
                return False
            return dates is None or (isinstance(at_ms, int) and date_of(at_ms) in dates)

        return wanted
