"""Files stored in S3, a few at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker_runtime import Reject, Retry, concurrently
from worker_runtime.clients import s3

if TYPE_CHECKING:
    from collections.abc import Mapping

AT_ONCE: Final = 4
CONTENT_TYPE: Final = "application/avro"


class S3Warehouse:
    """A bucket."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def store(self, files: Mapping[str, bytes]) -> None:
        """Store files by key; all are tried, then the first failure is raised."""

        def put(key: str) -> None:
            s3.put(self._bucket, key=key, body=files[key], content_type=CONTENT_TYPE)

        for outcome in concurrently(put, files, at_once=AT_ONCE):
            if isinstance(outcome, Reject):  # it says nothing of any one record
                raise Retry(reason=f"a file was not stored: {outcome}") from outcome
            if isinstance(outcome, Exception):
                raise outcome
