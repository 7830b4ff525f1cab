"""How much there is of each table and partition, counted file by file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import Struct

from workers_pipeline.local.inspecting.times import dating, worded_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workers_pipeline.local.inspecting.looking import SeenFile
    from workers_pipeline.local.inspecting.places import Place


class Contents(Struct, frozen=True, rename="camel"):
    """What is in a table's partition; what only changes have is None where no row is one.

    ``duplicates`` are rows of changes that came before; ``misplaced`` rows are of another date than the
    partition that they stand in.
    """

    table: str
    partition_date: str | None
    files: int
    bytes: int
    rows: int
    changes: int | None = None
    duplicates: int | None = None
    inserted: int | None = None
    modified: int | None = None
    removed: int | None = None
    first_change: str | None = None
    last_change: str | None = None
    misplaced: int = 0


@dataclass(slots=True)
class _Changes:
    """Changes while they are counted: their ids are remembered, and no rows."""

    rows: int = 0
    distinct: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    first_ms: int | None = None
    last_ms: int | None = None
    misplaced: int = 0
    _seen: set[str] = field(default_factory=set)

    def see(self, file: SeenFile) -> None:
        seen, kinds = self._seen, self.kinds
        date, date_of = file.place.partition_date, dating()
        first = last = None
        for row in file.rows:
            self.rows += 1
            at_ms, change_id = row["changed_at_ms"], row["change_id"]
            if first is None or at_ms < first:
                first = at_ms
            if last is None or at_ms > last:
                last = at_ms
            if date is not None and date_of(at_ms) != date:
                self.misplaced += 1
            if change_id not in seen:
                seen.add(change_id)
                kinds[row["change_type"]] += 1
        self.first_ms = min((each for each in (first, self.first_ms) if each is not None), default=None)
        self.last_ms = max((each for each in (last, self.last_ms) if each is not None), default=None)

    def forget(self) -> None:
        """Let the ids go; whatever comes then is another change."""
        self.distinct, self._seen = self.distinct + len(self._seen), set()


@dataclass(slots=True)
class _Count:
    """One partition while it is counted."""

    place: Place
    files: int = 0
    size: int = 0
    rows: int = 0
    changes: _Changes | None = None

    def see(self, file: SeenFile) -> None:
        before = self.seen_rows
        if file.holds_changes:
            self.changes = self.changes or _Changes()
            self.changes.see(file)
        else:
            self.rows += sum(1 for _ in file.rows)
        if self.seen_rows > before or not file.is_narrowed:
            self.files += 1
            self.size += file.size

    @property
    def seen_rows(self) -> int:
        return self.rows + (0 if self.changes is None else self.changes.rows)

    def forget(self) -> None:
        if self.changes is not None:
            self.changes.forget()

    def contents(self) -> Contents:
        self.forget()
        place, changes = self.place, self.changes
        held = (place.table, place.partition_date, self.files, self.size)
        if changes is None:
            return Contents(*held, self.rows)
        return Contents(
            *(*held, self.seen_rows),
            changes=changes.distinct,
            duplicates=changes.rows - changes.distinct,
            inserted=changes.kinds["INSERT"],
            modified=changes.kinds["MODIFY"],
            removed=changes.kinds["REMOVE"],
            first_change=_worded(changes.first_ms),
            last_change=_worded(changes.last_ms),
            misplaced=changes.misplaced,
        )


def contents_of(files: Iterable[SeenFile]) -> list[Contents]:
    """Count files that hold what is wanted, by place, in the order of places.

    Those of a partition come together.
    """
    counts: dict[Place, _Count] = {}
    before: Place | None = None
    for file in files:
        if before is not None and before != file.place and before.partition_date is not None:
            counts[before].forget()
        before = file.place
        counts.setdefault(file.place, _Count(file.place)).see(file)
    return sorted((each.contents() for each in counts.values() if each.files), key=_order)


def total(partitions: Sequence[Contents]) -> Contents:
    """Sum up partitions; a change is in one, unless it is misplaced."""
    changes = [each for each in partitions if each.changes is not None]

    def summed(name: str) -> int | None:
        return sum(getattr(each, name) for each in changes) if changes else None

    return Contents(
        table="total",
        partition_date=None,
        files=sum(each.files for each in partitions),
        bytes=sum(each.bytes for each in partitions),
        rows=sum(each.rows for each in partitions),
        changes=summed("changes"),
        duplicates=summed("duplicates"),
        inserted=summed("inserted"),
        modified=summed("modified"),
        removed=summed("removed"),
        first_change=min((each.first_change for each in changes if each.first_change), default=None),
        last_change=max((each.last_change for each in changes if each.last_change), default=None),
        misplaced=sum(each.misplaced for each in partitions),
    )


def _worded(at_ms: int | None) -> str | None:
    return None if at_ms is None else worded_ms(at_ms)


def _order(of: Contents) -> tuple[str, str]:
    return of.table, of.partition_date or ""
