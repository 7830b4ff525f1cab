"""The way through the files: one after the other, narrowed to what is wanted, what is damaged remembered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import Struct

from workers_pipeline.local.inspecting.avro_file import AvroFile
from workers_pipeline.local.inspecting.columns import OF_CHANGES, columns_of, holds_changes, name_of
from workers_pipeline.local.inspecting.places import Place, place_of
from workers_pipeline.local.inspecting.warehouse_files import opened_ahead
from workers_pipeline.local.stored.unreadable import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from workers_pipeline.local.inspecting.avro_file import Row
    from workers_pipeline.local.inspecting.wanted import RowTest, Wanted
    from workers_pipeline.local.stored.stored_file import StoredFile


class Problem(Struct, frozen=True):
    """A file that cannot be read, or not to its end."""

    file: str
    why: str


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file whose head was read: where it stands, its schema, and its wanted rows.

    ``is_narrowed`` where others of its rows may not be wanted: it may have none that are.
    """

    name: str
    size: int
    place: Place
    schema: Any
    rows: Iterator[Row]
    holds_changes: bool
    is_narrowed: bool


@dataclass(frozen=True, slots=True)
class Look:
    """A look at files, each opened when its turn comes.

    ``problems`` and ``found``, the names of files that hold what is wanted, grow on the way.
    """

    files: Sequence[StoredFile]
    wanted: Wanted
    advance: Callable[[int], None]
    problems: list[Problem] = field(default_factory=list)
    found: set[str] = field(default_factory=set)

    def seen(self) -> Iterator[SeenFile]:
        """See the files of the wanted tables, one at a time: the next one closes it."""
        for file, opening in opened_ahead(self.files):
            try:
                with opening.result() as opened:
                    avro = AvroFile(opened)
                    seen = self._seen(file, avro)
                    if self.wanted.is_table(seen.place.table):
                        if not seen.is_narrowed:
                            self.found.add(seen.name)
                        yield seen
            except Unreadable as problem:
                self._note(str(file), problem)
            self.advance(1)

    def changes(self) -> Iterator[SeenFile]:
        """See files whose rows are changes of items; others are problems."""
        for file in self.seen():
            if file.holds_changes:
                yield file
            else:
                missing = ", ".join(OF_CHANGES)
                self._note(file.name, Unreadable(f"holds no changes of items, which have {missing}"))

    def _seen(self, file: StoredFile, avro: AvroFile) -> SeenFile:
        named = name_of(avro.schema)
        place = place_of(str(file)) or Place(named)
        is_of_changes = holds_changes(columns_of(avro.schema))
        is_wanted = self.wanted.row_test(place)
        rows = self._rows(str(file), avro, is_wanted)
        return SeenFile(
            str(file), avro.size, place, avro.schema, rows, is_of_changes, is_narrowed=is_wanted is not None
        )

    def _rows(self, name: str, avro: AvroFile, is_wanted: RowTest | None) -> Iterator[Row]:
        try:
            if is_wanted is None:
                yield from avro.rows()
            else:
                for row in filter(is_wanted, avro.rows()):
                    self.found.add(name)
                    yield row
        except Unreadable as problem:
            self._note(name, problem)

    def _note(self, name: str, problem: Unreadable) -> None:
        self.problems.append(Problem(name, problem.why))
