"""The files that are looked into: found by what people name, and opened a few ahead of the reader."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.commands.reporting import Misuse
from workers_pipeline.local.inspecting.places import place_of
from workers_pipeline.local.stored.local_files import LocalFile
from workers_pipeline.local.stored.s3_names import S3Name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from io import BufferedReader

    from mypy_boto3_s3 import S3Client

    from workers_pipeline.local.inspecting.wanted import Wanted
    from workers_pipeline.local.stored.stored_file import StoredFile

AT_ONCE: Final = 8


def files_named(named: Iterable[str], *, wanted: Wanted, s3: Callable[[], S3Client]) -> list[StoredFile]:
    """Find the files that may hold what is wanted, each once, those of one partition together."""
    found: dict[str, StoredFile] = {}
    for each in named:
        for file in _below(each, wanted, s3):
            if wanted.may_be_at(place_of(str(file))):
                same = str(file.path.absolute()) if isinstance(file, LocalFile) else str(file)
                found.setdefault(same, file)
    return sorted(found.values(), key=_order)


def opened_ahead(files: Sequence[StoredFile]) -> Iterator[tuple[StoredFile, Future[BufferedReader]]]:
    """Open files in their order, a few ahead of the reader; the reader closes what it takes."""
    coming = iter(files)
    ahead: deque[tuple[StoredFile, Future[BufferedReader]]] = deque()
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


def _below(named: str, wanted: Wanted, s3: Callable[[], S3Client]) -> Iterable[StoredFile]:
    """Find a file, or all ``*.avro`` in a folder or bucket; Misuse where there is neither."""
    if (in_s3 := S3Name.read(named)) is not None:
        from workers_pipeline.local.inspecting.s3_narrowing import avro_objects  # noqa: PLC0415 - needs botocore

        return avro_objects(s3(), in_s3, wanted=wanted)
    file = LocalFile.named(named)
    if file.path.is_dir():
        return file.below("*.avro")
    if not file.is_file():
        raise Misuse(f"there is no file or folder {named}.")
    return [file]


def _close(opened: Future[BufferedReader]) -> None:
    if not opened.cancelled() and opened.exception() is None:
        opened.result().close()


def _order(file: StoredFile) -> tuple[bool, Any, str]:
    place = place_of(str(file))
    return place is None, place and (place.table, place.partition_date or ""), str(file)
