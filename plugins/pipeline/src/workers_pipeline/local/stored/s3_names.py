"""Names of what is in S3: ``s3://BUCKET/KEY``, the key may be the beginning of some."""

from __future__ import annotations

import posixpath
from typing import Final, Self

from msgspec import Struct
from msgspec.structs import replace

from worker_runtime.local.commands.reporting import Misuse

_SCHEME: Final = "s3://"


class S3Name(Struct, frozen=True):
    """A bucket, and a key or the beginning of keys in it."""

    bucket: str
    key: str = ""

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Read a name; None where it is a path of this machine, Misuse where it lacks the bucket."""
        if not text.startswith(_SCHEME):
            return None
        bucket, _, key = text.removeprefix(_SCHEME).partition("/")
        if not bucket:
            raise Misuse(f"{text} names no bucket; say {_SCHEME}BUCKET or {_SCHEME}BUCKET/PREFIX.")
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"{_SCHEME}{self.bucket}/{self.key}"

    def at(self, key: str) -> Self:
        """Name another key of the bucket."""
        return replace(self, key=key)

    def beside(self, *path: str) -> Self:
        """Name the key of this path from the folder of this one."""
        return self.at(posixpath.normpath(posixpath.join(posixpath.dirname(self.key), *path)))
