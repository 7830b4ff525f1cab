"""One file, wherever it is, and how it is found by what people call it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from workers_pipeline.local.stored.local_files import LocalFile
from workers_pipeline.local.stored.s3_names import S3Name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedReader

    from mypy_boto3_s3 import S3Client


class StoredFile(Protocol):
    """A file, or what may be one or a folder of some; ``str`` of it is how people name it."""

    @property
    def name(self) -> str:
        """Its last part."""

    def is_file(self) -> bool:
        """Whether it is there, and no folder."""

    def open(self) -> BufferedReader:
        """Open it for reading, from its beginning and again; Missing or Unreadable where it cannot be had."""

    def version(self) -> str:
        """Return what changes with its content; Missing or Unreadable where it cannot be had."""

    def beside(self, *path: str) -> StoredFile:
        """Return the file of this path from its folder."""

    def below(self, pattern: str) -> Iterator[StoredFile]:
        """Find the files of such names, ``*.avro`` say, in it and in all folders of it, in order."""


def stored_file(named: str, *, s3: Callable[[], S3Client]) -> StoredFile:
    """Find a file by its path or its ``s3://bucket/key``; Misuse where that names no bucket."""
    if (in_s3 := S3Name.read(named)) is None:
        return LocalFile.named(named)
    from workers_pipeline.local.stored.s3_objects import S3Object  # noqa: PLC0415 - files need no boto3

    return S3Object(s3(), in_s3)
