"""What people name to the files that are meant: recordings, and exports by their folders."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from worker_runtime.local.commands.reporting import Misuse
from workers_pipeline.local.backfill.exports import ExportInput
from workers_pipeline.local.backfill.manifests import FILES, SUMMARY, read_export
from workers_pipeline.local.backfill.recordings import RecordedInput
from workers_pipeline.local.stored.local_files import LocalFile, legible
from workers_pipeline.local.stored.stored_file import stored_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mypy_boto3_s3 import S3Client

    from workers_pipeline.local.backfill.batches import Input
    from workers_pipeline.local.stored.stored_file import StoredFile

_AROUND: Final = ((), ("..",))  # where a data file's manifest is, from its own folder


def inputs_of(sources: Sequence[str], *, s3: Callable[[], S3Client]) -> list[Input]:
    """Find the files that are meant, in order; Misuse where one is not there, or twice."""
    found: dict[str, Input] = {}
    for source in sources:
        for each in _inputs(stored_file(source, s3=s3), named=source):
            if (same := found.get(each.identity)) is not None:
                raise _named_twice(same, each)
            found[each.identity] = each
    return list(found.values())


def digest_of(inputs: Sequence[Input], *, options: str) -> str:
    """Tell one backfill from another: by all that decides what it delivers, and where."""
    told = "\n".join((options, *(each.identity for each in inputs)))
    return sha256(told.encode(errors="surrogateescape")).hexdigest()


def _named_twice(first: Input, second: Input) -> Misuse:
    if first.origin == second.origin:
        return Misuse(f"{second.name} is named twice; name it once.")
    what = "tell of one export" if first.origin != first.name else "hold the same"
    return Misuse(f"{first.origin} and {second.origin} {what}; name one of them.")


def _inputs(file: StoredFile, *, named: str) -> Iterator[Input]:
    if not file.is_file():
        yield from _exports_below(file, named=named)
    elif file.name in (SUMMARY, FILES):
        yield from _of_export(file.beside(SUMMARY))
    elif (summary := _summary_near(file)) is not None:
        yield from _of_export(summary, only=file.name)
    else:
        yield RecordedInput(file)


def _exports_below(folder: StoredFile, *, named: str) -> Iterator[Input]:
    """List the exports in a folder by their ids, which begin with when they were made."""
    summaries = list(folder.below(SUMMARY))
    if not summaries:
        is_there = not isinstance(folder, LocalFile) or folder.path.exists()
        lacks = f"there is no {SUMMARY} in {legible(named)}" if is_there else f"there is no {legible(named)}"
        cure = "name a file of recorded events, or a folder or s3:// prefix with an export in it."
        raise Misuse(f"{lacks}; {cure}")
    for summary in summaries:
        yield from _of_export(summary)


def _of_export(summary: StoredFile, *, only: str | None = None) -> Iterator[Input]:
    export = read_export(summary)
    files = [each for each in export.files if only in (None, each.name)]
    if only is not None and not files:
        raise Misuse(f"{summary} tells of no file {only}; name its folder.")
    for each in files:
        yield ExportInput(export, each)


def _summary_near(file: StoredFile) -> StoredFile | None:
    for folder in _AROUND:
        summary = file.beside(*folder, SUMMARY)
        if summary.is_file():
            return summary
    return None
