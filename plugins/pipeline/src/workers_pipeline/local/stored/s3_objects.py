"""Objects of S3: listed by the beginning of their keys, and fetched whole before they are read."""

from __future__ import annotations

import posixpath
import shutil
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError

from worker_runtime.local.endpoint import asked_of
from workers_pipeline.local.stored.unreadable import Missing, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from mypy_boto3_s3 import S3Client

    from workers_pipeline.local.stored.s3_names import S3Name

_CURE: Final = "are its name, AWS_ENDPOINT_URL (or --endpoint-url) and the credentials right?"
_GONE: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_IN_MEMORY: Final = 4 * 2**20  # of one object, in bytes; a larger one is kept on the disk while it is read
_TRIES: Final = 3  # of an object whose connection breaks: boto3 itself tries until its answer begins


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object, or what may be one, or the beginning of some; AwsRefused where S3 is out of reach."""

    s3: S3Client
    at: S3Name

    def __str__(self) -> str:
        return str(self.at)

    @property
    def name(self) -> str:
        """The last part of the key."""
        return posixpath.basename(self.at.key)

    def is_file(self) -> bool:
        """Whether there is such an object."""
        return bool(self.name) and self._head() is not None

    def open(self) -> BufferedReader:
        """Fetch it; Missing where it is not there, Unreadable where S3 refuses this one."""
        fetched = cast("BufferedReader", SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 - its reader closes it
        try:
            with self._refused():
                self._fetch_into(fetched)
        except BaseException:
            fetched.close()
            raise
        fetched.seek(0)
        return fetched

    def version(self) -> str:
        """Return its ETag; Missing where it is not there."""
        head = self._head()
        if head is None:
            raise Missing(file=self)
        return str(head["ETag"])

    def beside(self, *path: str) -> S3Object:
        """Return the object of this path from where it stands."""
        return S3Object(self.s3, self.at.beside(*path))

    def below(self, pattern: str) -> Iterator[S3Object]:
        """List the objects of such names, in order of their keys."""
        folder = f"{self.at.key.rstrip('/')}/" if self.at.key else ""
        for each in objects(self.s3, self.at.at(folder)):
            if fnmatchcase(each.name, pattern):
                yield each

    def _fetch_into(self, file: BufferedReader) -> None:
        for left in reversed(range(_TRIES)):
            body = self.s3.get_object(Bucket=self.at.bucket, Key=self.at.key)["Body"]
            file.seek(0)
            file.truncate()
            try:
                with closing(body):
                    shutil.copyfileobj(body, file)
            except BotoCoreError:
                if not left:
                    raise
            else:
                return

    def _head(self) -> Any:
        try:
            with self._refused():
                return self.s3.head_object(Bucket=self.at.bucket, Key=self.at.key)
        except Missing:
            return None

    @contextmanager
    def _refused(self) -> Iterator[None]:
        """Raise what S3 says of this object as what it says of the file; a bucket's lack is not its own."""
        with asked_of(str(self), cure=_CURE):
            try:
                yield
            except ClientError as error:
                said = error.response["Error"]
                if said["Code"] in _GONE:
                    raise Missing(file=self) from error
                if said["Code"] == "NoSuchBucket":
                    raise
                why = f"cannot be fetched: {said['Code']}: {said['Message'].rstrip('.')}"
                raise Unreadable(why, file=self) from error


def objects(s3: S3Client, prefix: S3Name, *, after: str = "") -> Iterator[S3Object]:
    """List the objects whose keys begin so, in order of their keys, from behind one of them."""
    asked = {"Bucket": prefix.bucket, "Prefix": prefix.key} | ({"StartAfter": after} if after else {})
    for page in _pages(s3, prefix, asked):
        for listed in page.get("Contents", ()):
            yield S3Object(s3, prefix.at(listed["Key"]))


def folders(s3: S3Client, prefix: S3Name) -> Iterator[S3Name]:
    """List the folders whose keys begin so, and not what is in them; each ends with a slash."""
    for page in _pages(s3, prefix, {"Bucket": prefix.bucket, "Prefix": prefix.key, "Delimiter": "/"}):
        for listed in page.get("CommonPrefixes", ()):
            yield prefix.at(listed["Prefix"])


def _pages(s3: S3Client, prefix: S3Name, asked: dict[str, str]) -> Iterator[Any]:
    paginator: Any = s3.get_paginator("list_objects_v2")
    with asked_of(str(prefix), cure=_CURE):
        yield from paginator.paginate(**asked)
