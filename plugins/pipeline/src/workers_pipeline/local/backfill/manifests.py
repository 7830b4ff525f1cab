"""What an export says of itself: ``manifest-summary.json``, and ``manifest-files.json`` with a line a file.

AWS describes both under "DynamoDB table export output format".
"""

from __future__ import annotations

import posixpath
from typing import Final

import msgspec
from msgspec import Struct

from worker_runtime.local.commands.reporting import Misuse, counted
from workers_pipeline.local.backfill.exported_items import ExportedFile
from workers_pipeline.local.backfill.moments import moment_ms
from workers_pipeline.local.stored.stored_file import StoredFile
from workers_pipeline.local.stored.unreadable import Missing

SUMMARY: Final = "manifest-summary.json"
FILES: Final = "manifest-files.json"

_ARN_PARTS: Final = 6


class DataFile(Struct, frozen=True):
    """A line of ``manifest-files.json``; ``md5_checksum`` is base64, of the file as it is stored."""

    key: str = msgspec.field(name="dataFileS3Key")
    item_count: int = msgspec.field(name="itemCount")
    md5_checksum: str | None = msgspec.field(name="md5Checksum", default=None)

    @property
    def name(self) -> str:
        """The last part of its key."""
        return self.key.rpartition("/")[2]


class _Summary(Struct, frozen=True, rename="camel"):
    export_arn: str
    files_key: str = msgspec.field(name="manifestFilesS3Key")
    item_count: int | None = None
    export_time: str | None = None
    output_format: str = "DYNAMODB_JSON"


class Export(Struct, frozen=True):
    """An export: its ARN, where its summary is, what it tells of, and the moment that a full one shows.

    ``folder`` is that of its manifests in the bucket that it was written to.
    """

    arn: str
    summary: StoredFile
    folder: str
    files: tuple[DataFile, ...]
    taken_at_ms: int | None

    def found(self, file: DataFile) -> StoredFile:
        """Find a data file: from its manifests it is where it was written, wherever they are now."""
        return self.summary.beside(*posixpath.relpath(file.key, self.folder).split("/"))

    def carrier(self, file: DataFile) -> ExportedFile:
        """Return what makes changes of a file's lines; ValueError where the ARN is no export's."""
        _, _, _, region, account, resource = self.arn.split(":", _ARN_PARTS - 1)
        _, table, _, export_id = resource.split("/")
        return ExportedFile(
            export_id=export_id,
            name=file.name,
            table=table,
            region=region,
            account=account,
            taken_at_ms=self.taken_at_ms,
        )


def read_export(summary: StoredFile) -> Export:
    """Read an export's manifests; Misuse where they are not what AWS writes, or do not agree."""
    said = _read_summary(summary)
    files = _read_listing(summary.beside(FILES))
    listed = sum(each.item_count for each in files)
    if said.item_count not in (None, listed):
        of_both = f"{counted(said.item_count or 0, 'item')}, and {FILES} beside it of {listed:,}"
        raise Misuse(f"{summary} tells of {of_both}; fetch both anew.")
    folder = posixpath.dirname(said.files_key)
    export = Export(said.export_arn, summary, folder, files, _taken_at_ms(summary, said))
    try:
        shards = {export.carrier(each).shard for each in files}
    except ValueError as error:
        raise Misuse(f"{summary}: {export.arn!r} is the ARN of no export.") from error
    if len(shards) < len(files):  # what is delivered of one would stand over the other's
        raise Misuse(f"{FILES} beside {summary} names a data file twice, or two that differ in signs alone.")
    return export


def _read_summary(file: StoredFile) -> _Summary:
    try:
        with file.open() as opened:
            said = msgspec.json.decode(opened.read(), type=_Summary)
    except ValueError as error:
        raise Misuse(f"{file} is no manifest of an export: {error}.") from error
    if said.output_format != "DYNAMODB_JSON":
        raise Misuse(f"{file}: it was exported as {said.output_format}; export as DYNAMODB_JSON.")
    return said


def _read_listing(file: StoredFile) -> tuple[DataFile, ...]:
    try:
        with file.open() as lines:
            return tuple(msgspec.json.decode(line, type=DataFile) for line in lines if line.strip())
    except Missing as error:
        raise Misuse(f"there is no {file}, which an export has beside its {SUMMARY}.") from error
    except ValueError as error:
        raise Misuse(f"{file} is no list of an export's data files: {error}.") from error


def _taken_at_ms(summary: StoredFile, said: _Summary) -> int | None:
    try:
        return None if said.export_time is None else moment_ms(said.export_time)
    except ValueError as error:
        raise Misuse(f"{summary}: exportTime is {said.export_time!r}, and that is no time.") from error
