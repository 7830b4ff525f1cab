"""Files as people name them: one, a folder, a bucket."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol

from workers_pipeline.local.inspecting.local_files import local_files
from workers_pipeline.local.inspecting.places import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from workers_pipeline.local.inspecting.wanted import Wanted

S3: Final = "s3://"
AT_ONCE: Final = 8


class StoredFile(Protocol):
    """A file somewhere."""

    @property
    def name(self) -> str:
        """What it is called."""

    def open(self) -> BinaryIO:
        """Open it for reading from its beginning; Unreadable where it cannot be had."""


def files_named(named: Iterable[str], *, wanted: Wanted, s3: Callable[[], Any]) -> list[StoredFile]:
    """Find the files that may hold what is wanted, each once, those of one partition together."""
    found: dict[str, StoredFile] = {}
    for each in named:
        files: Iterable[StoredFile]
        if each.startswith(S3):
            from workers_pipeline.local.inspecting.s3_files import s3_files  # noqa: PLC0415 - needs botocore

            files = s3_files(s3, each, wanted=wanted)
        else:
            files = local_files(each)
        for file in files:
            if wanted.may_be_at(place_of(file.name)):
                same = file.name if file.name.startswith(S3) else str(Path(file.name).absolute())
                found.setdefault(same, file)
    return sorted(found.values(), key=_order)


def opened_ahead(files: Sequence[StoredFile]) -> Iterator[tuple[StoredFile, Future[BinaryIO]]]:
    """Open files in their order, a few ahead of the reader; the reader closes what it takes."""
    coming = iter(files)
    ahead: deque[tuple[StoredFile, Future[BinaryIO]]] = deque()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        try:
            while True:
                ahead += ((file, threads.submit(file.open)) for file in islice(coming, AT_ONCE - len(ahead)))
                if not ahead:
                    return
                yield ahead.popleft()
        finally:
            for _, future in ahead:
                future.cancel()
                future.add_done_callback(_close)


def _close(opened: Future[BinaryIO]) -> None:
    if not opened.cancelled() and opened.exception() is None:
        opened.result().close()


def _order(file: StoredFile) -> tuple[bool, Any, str]:
    place = place_of(file.name)
    return place is None, place and (place.table, place.partition_date or ""), file.name
