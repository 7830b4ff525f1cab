"""Delivered files, read back: rows as any Avro reader has them, and the state that they come to."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeVar

import fastavro
from msgspec import Struct

from workers_pipeline.layout import AVRO
from workers_pipeline.local.stored.s3_names import S3Name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mypy_boto3_s3 import S3Client

    Row = dict[str, Any]

T = TypeVar("T")


class DeliveredFile(Struct, frozen=True):
    """One file: its key, and its rows."""

    key: str
    rows: list[dict[str, Any]]

    @property
    def table(self) -> str:
        """The table, as the key has it."""
        return self.key.removeprefix(AVRO).partition("/")[0]

    @property
    def partition_date(self) -> str:
        """The partition, as the key has it."""
        return self.key.partition("/partition_date=")[2].partition("/")[0]


def rows_of(data: bytes) -> list[Row]:
    """Read the rows of a file's bytes; ValueError where they are no Avro."""
    return [dict(row) for row in fastavro.reader(BytesIO(data)) if isinstance(row, dict)]


def delivered(s3: S3Client, *, bucket: str) -> Iterator[DeliveredFile]:
    """Read all delivered files of a bucket, one at a time."""
    from workers_pipeline.local.stored.s3_objects import objects  # noqa: PLC0415 - needs boto3, and rows none

    for each in objects(s3, S3Name(bucket, AVRO)):
        with each.open() as file:
            yield DeliveredFile(each.at.key, rows_of(file.read()))


def distinct(rows: Iterable[Row]) -> list[Row]:
    """Leave out rows of changes that came more than once, and sort them as the changes were made."""
    by_change = {row["change_id"]: row for row in rows}
    return sorted(by_change.values(), key=_order)


def current(rows: Iterable[Row]) -> dict[tuple[str, str], Row]:
    """Find the newest row of each item by its keys, ``deleted`` where the item is gone."""
    return newest(rows, row_of=lambda row: row)


def newest(found: Iterable[T], *, row_of: Callable[[T], Row]) -> dict[tuple[str, str], T]:
    """Keep what has the newest row of each item; it may come in any order, and more than once."""
    kept: dict[tuple[str, str], T] = {}
    for each in found:
        row = row_of(each)
        keys = row["pk"], row["sk"]
        if keys not in kept or _order(row) >= _order(row_of(kept[keys])):
            kept[keys] = each
    return kept


def _order(row: Row) -> tuple[int, int, bool, str]:
    return row["changed_at_ms"], row["version"] or 0, row["deleted"], row["change_id"]
