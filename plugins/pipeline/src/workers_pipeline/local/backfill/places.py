"""Where what is delivered again lies: files of this machine, objects of S3; read alike."""

from __future__ import annotations

import posixpath
import tempfile
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

from worker_runtime.local.commands.reporting import CommandFailed, Misuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedRandom, BufferedReader

    from mypy_boto3_s3 import S3Client

    Opened = BufferedRandom | BufferedReader

S3: Final = "s3://"
_GONE: Final = frozenset({"404", "NoSuchKey", "NotFound"})


class Unreadable(CommandFailed):
    """A file is there and cannot be read."""


class Place(Protocol):
    """A file, or what may be one; ``str`` of it is how people name it."""

    @property
    def name(self) -> str:
        """Its last part."""

    def is_file(self) -> bool:
        """Whether it is there."""

    def open(self) -> Opened:
        """Open it for reading, from the beginning and again; FileNotFoundError where it is not there."""

    def version(self) -> str:
        """Return what changes with its content."""

    def beside(self, *path: str) -> Place:
        """Return the place of this path from its folder."""

    def below(self, name: str) -> Iterator[Place]:
        """List the files of this name in it and in all folders of it, in order."""


class LocalFile:
    """A file or folder of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    @property
    def name(self) -> str:
        """The file's name."""
        return self._path.name

    def is_file(self) -> bool:
        """Whether it is there, and no folder."""
        return self._path.is_file()

    def open(self) -> Opened:
        """Open it; Unreadable where it is there and may not be read."""
        try:
            return self._path.open("rb")
        except FileNotFoundError:
            raise
        except OSError as error:
            raise Unreadable(f"cannot read {self._path}: {error.strerror}.") from error

    def version(self) -> str:
        """Return the digest of what is in it."""
        with self.open() as file:
            return file_digest(file, "sha256").hexdigest()

    def beside(self, *path: str) -> LocalFile:
        """Return the place of this path from its folder."""
        place = self._path.parent.joinpath(*path)
        return LocalFile(place.resolve() if ".." in path else place)

    def below(self, name: str) -> Iterator[LocalFile]:
        """List the files of this name, in order."""
        yield from map(LocalFile, sorted(self._path.rglob(name)))


class S3Object:
    """An object or a prefix; what is opened is fetched whole to a file that has no name."""

    def __init__(self, s3: S3Client, *, bucket: str, key: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._key = key

    def __str__(self) -> str:
        return f"{S3}{self._bucket}/{self._key}"

    @property
    def name(self) -> str:
        """The last part of the key."""
        return posixpath.basename(self._key)

    def is_file(self) -> bool:
        """Whether there is such an object."""
        return bool(self._key) and not self._key.endswith("/") and self._head() is not None

    def open(self) -> Opened:
        """Fetch it; FileNotFoundError where it is not there."""
        file = tempfile.TemporaryFile()  # noqa: SIM115 - who asked closes it
        try:
            self._s3.download_fileobj(self._bucket, self._key, file)
        except BaseException as error:
            file.close()
            if isinstance(error, ClientError) and error.response["Error"]["Code"] in _GONE:
                raise FileNotFoundError(str(self)) from error
            raise
        file.seek(0)
        return file

    def version(self) -> str:
        """Return its ETag; FileNotFoundError where it is not there."""
        head = self._head()
        if head is None:
            raise FileNotFoundError(str(self))
        return str(head["ETag"])

    def beside(self, *path: str) -> S3Object:
        """Return the object of this path from where it stands."""
        return self._at(posixpath.normpath(posixpath.join(posixpath.dirname(self._key), *path)))

    def below(self, name: str) -> Iterator[S3Object]:
        """List the objects of this name, in order of their keys."""
        prefix = f"{self._key.rstrip('/')}/" if self._key else ""
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            for listed in page.get("Contents", []):
                if posixpath.basename(listed["Key"]) == name:
                    yield self._at(listed["Key"])

    def _at(self, key: str) -> S3Object:
        return S3Object(self._s3, bucket=self._bucket, key=key)

    def _head(self) -> Any:
        try:
            return self._s3.head_object(Bucket=self._bucket, Key=self._key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise


def place_of(text: str, *, s3: Callable[[], S3Client]) -> Place:
    """Find a place by its path or its ``s3://bucket/key``; Misuse where that names no bucket."""
    if not text.startswith(S3):
        return LocalFile(Path(text))
    bucket, _, key = text.removeprefix(S3).partition("/")
    if not bucket:
        raise Misuse(f"{text} names no bucket; say s3://BUCKET/PREFIX.")
    return S3Object(s3(), bucket=bucket, key=key)
