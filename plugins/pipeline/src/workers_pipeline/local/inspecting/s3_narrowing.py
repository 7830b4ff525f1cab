"""What of a bucket is looked at: listed no further than is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers_pipeline.layout import AVRO
from workers_pipeline.local.inspecting.places import place_of
from workers_pipeline.local.stored.s3_objects import S3Object, folders, objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

    from workers_pipeline.local.inspecting.wanted import Dates, Wanted
    from workers_pipeline.local.stored.s3_names import S3Name


def avro_objects(s3: S3Client, named: S3Name, *, wanted: Wanted) -> Iterator[S3Object]:
    """Find the object of this name, or all ``*.avro`` whose keys begin so; of a bucket, the warehouse's."""
    prefix = named.at(AVRO) if named.key in ("", AVRO.rstrip("/")) else named
    for each in _wanted_objects(s3, prefix, wanted):
        if each.name.endswith(".avro") or each.at == prefix:
            yield each


def _wanted_objects(s3: S3Client, prefix: S3Name, wanted: Wanted) -> Iterator[S3Object]:
    """List a prefix; the warehouse table by table, where not all tables or dates are wanted."""
    below = prefix.key.removeprefix(AVRO)
    if not prefix.key.startswith(AVRO) or below.count("/") > below.endswith("/"):
        yield from objects(s3, prefix)
    elif below.endswith("/"):
        yield from _of_dates(s3, prefix, wanted.dates)
    elif wanted.tables or wanted.dates:
        for table in _tables(s3, prefix, wanted):
            yield from _of_dates(s3, table, wanted.dates)
    else:
        yield from objects(s3, prefix)


def _tables(s3: S3Client, prefix: S3Name, wanted: Wanted) -> list[S3Name]:
    """Name the folders of the wanted tables; S3 is asked which there are only where nobody named some."""
    if not wanted.tables:
        return list(folders(s3, prefix))
    named = (prefix.at(f"{AVRO}{table}/") for table in sorted(wanted.tables))
    return [each for each in named if each.key.startswith(prefix.key)]


def _of_dates(s3: S3Client, table: S3Name, dates: Dates | None) -> Iterator[S3Object]:
    """List a table from the first wanted date to the last, since S3 lists in their order."""
    after = f"{table.key}partition_date={dates.first}" if dates and dates.first else ""
    for each in objects(s3, table, after=after):
        place = place_of(each.at.key)
        if dates and dates.last and place and (place.partition_date or "") > dates.last:
            return
        yield each
