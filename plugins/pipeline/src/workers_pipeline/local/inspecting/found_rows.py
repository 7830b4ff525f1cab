"""Rows as they stand in the files, and the newest one of each item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from workers_pipeline.local.reading import newest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from workers_pipeline.local.inspecting.looking import SeenFile


class FoundRow(Struct, frozen=True, rename="camel", gc=False):
    """A row, and where it is."""

    table: str
    partition_date: str | None
    file: str
    row: dict[str, Any]


def rows_in(files: Iterable[SeenFile]) -> Iterator[FoundRow]:
    """Read rows file by file, as they stand there."""
    for file in files:
        table, date = file.place.table, file.place.partition_date
        for row in file.rows:
            yield FoundRow(table, date, file.name, row)


def current_items(files: Iterable[SeenFile]) -> list[FoundRow]:
    """Find the newest row of each item, sorted by table and keys; ``deleted`` where the item is gone."""
    items = newest(rows_in(files), row_of=lambda found: found.row)
    return [items[keys] for keys in sorted(items, key=lambda keys: (items[keys].table, *keys))]
