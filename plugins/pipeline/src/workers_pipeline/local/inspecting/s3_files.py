"""Files of a bucket: listed no further than is wanted, and fetched whole before they are read."""

from __future__ import annotations

import shutil
from contextlib import closing, contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from botocore.exceptions import BotoCoreError, ClientError

from worker_runtime.local.commands.reporting import CommandFailed, Misuse
from workers_pipeline.layout import AVRO
from workers_pipeline.local.inspecting.avro_file import Unreadable
from workers_pipeline.local.inspecting.places import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workers_pipeline.local.inspecting.wanted import Wanted

SCHEME: Final = "s3://"
_IN_MEMORY: Final = 4 * 2**20  # of one file, in bytes; a larger one is kept on the disk while it is read


class BucketUnanswered(CommandFailed):
    """A bucket is not there, out of reach, or refuses us."""


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object."""

    s3: Any
    bucket: str
    key: str

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{SCHEME}{self.bucket}/{self.key}"

    def open(self) -> BinaryIO:
        """Fetch it; Unreadable where S3 refuses this one, BucketUnanswered where it does not answer."""
        fetched = cast("BinaryIO", SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 - its reader closes it
        try:
            self._fetch_into(fetched)
        except BaseException:
            fetched.close()
            raise
        fetched.seek(0)
        return fetched

    def _fetch_into(self, file: BinaryIO) -> None:
        try:
            body = self.s3.get_object(Bucket=self.bucket, Key=self.key)["Body"]
            with closing(body):
                shutil.copyfileobj(body, file)
        except ClientError as error:
            said = error.response["Error"]
            raise Unreadable(f"cannot be fetched: {said['Code']}: {said['Message']}") from error
        except BotoCoreError as error:
            raise _unanswered(self.name, str(error)) from error


def s3_files(connect: Callable[[], Any], named: str, *, wanted: Wanted) -> Iterator[S3Object]:
    """Find the object of this name, or all ``*.avro`` whose keys begin so; of a bucket alone, the warehouse.

    Raises BucketUnanswered where it cannot be listed.
    """
    bucket, _, prefix = named.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise Misuse(f"{named} names no bucket; say {SCHEME}BUCKET or {SCHEME}BUCKET/PREFIX.")
    prefix, s3 = prefix or AVRO, connect()
    with _asked(named):
        for below in _tables(prefix, wanted):
            for listed in _listed(s3, bucket, below, wanted):
                key: str = listed["Key"]
                if key.endswith(".avro") or key == prefix:
                    yield S3Object(s3, bucket, key)


def _tables(prefix: str, wanted: Wanted) -> list[str]:
    """Narrow the warehouse's own prefix to those of the tables that are wanted."""
    if prefix == AVRO and wanted.tables:
        return [f"{AVRO}{table}/" for table in sorted(wanted.tables)]
    return [prefix]


def _listed(s3: Any, bucket: str, prefix: str, wanted: Wanted) -> Iterator[Any]:
    """List a prefix; of one table from the first wanted date to the last, since S3 lists in their order."""
    is_table = prefix.startswith(AVRO) and prefix.count("/") == AVRO.count("/") + 1
    dates = wanted.dates if is_table and prefix.endswith("/") else None
    after = {"StartAfter": f"{prefix}partition_date={dates.first}"} if dates and dates.first else {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **after):
        for listed in page.get("Contents", ()):
            place = place_of(listed["Key"])
            if dates and dates.last and place and (place.partition_date or "") > dates.last:
                return
            yield listed


@contextmanager
def _asked(where: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        raise _unanswered(where, f"{error.operation_name}: {said['Code']}: {said['Message']}") from error
    except BotoCoreError as error:
        raise _unanswered(where, str(error)) from error


def _unanswered(where: str, why: str) -> BucketUnanswered:
    cure = "are its name, AWS_ENDPOINT_URL (or --endpoint-url) and the credentials right?"
    return BucketUnanswered(f"{where}: {why.rstrip('.')}; {cure}")
