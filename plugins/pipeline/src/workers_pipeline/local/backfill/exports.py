"""An export's data files, in batches that are cut at the same lines each time."""

from __future__ import annotations

from base64 import b64encode
from hashlib import file_digest
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.commands.reporting import counted
from workers_pipeline.local.backfill.batches import EVENT_BYTES_MAX, RECORDS_MAX, Batch, Unread
from workers_pipeline.local.backfill.exported_items import BESIDE_DATA_BYTES
from workers_pipeline.local.backfill.lines import Lines
from workers_pipeline.local.stored.unreadable import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from workers_pipeline.local.backfill.exported_items import ExportedFile
    from workers_pipeline.local.backfill.lines import Line
    from workers_pipeline.local.backfill.manifests import DataFile, Export

END: Final = 2**53
"""Stands for the last line of a file, wherever that is."""


class ExportInput:
    """One data file; where it is not what its manifest tells of, nothing of it is delivered."""

    may_repeat = False

    def __init__(self, export: Export, file: DataFile) -> None:
        self._file = file
        self._carrier = export.carrier(file)
        self._found = export.found(file)
        self.name = str(self._found)
        self.origin = str(export.summary)
        self.identity = f"{export.arn} {file.name} {file.md5_checksum}"
        self.changes = file.item_count

    def batches(self, *, behind: int) -> Iterator[Batch]:
        """Read batch after batch of 1,000 lines or 6 MB; the last may tell what is wrong with the file."""
        if behind >= END:
            return
        opened = self._opened()
        if isinstance(opened, Unread):
            yield Batch(last=END, unread=(opened,))
            return
        with opened as file:
            lines = Lines(file)
            yield from _cut(lines.behind(behind), self._carrier)
            if lines.count != self._file.item_count and not lines.broken:
                found = counted(lines.count, "item")
                why = f"it has {found}, and manifest-files.json tells of {self.changes:,}"
                yield Batch(last=END, unread=(Unread(None, "ITEM_COUNT", why, changes=0),))

    def _opened(self) -> BufferedReader | Unread:
        lost = f"nothing is delivered of its {counted(self.changes, 'item')}"
        try:
            file = self._found.open()
        except Missing:
            return Unread(None, "MISSING", f"it is not there; {lost}", changes=0)
        if self._file.md5_checksum in (None, _md5(file)):
            return file
        file.close()
        return Unread(None, "CHECKSUM", f"it is not what its manifest tells of; {lost}", changes=0)


def _md5(file: BufferedReader) -> str:
    digest = file_digest(file, "md5").digest()
    file.seek(0)
    return b64encode(digest).decode()


def _cut(lines: Iterator[Line], carrier: ExportedFile) -> Iterator[Batch]:
    """Cut where a batch is full: that depends on the lines since the last cut and on nothing else."""
    batch = _Growing()
    for line in lines:
        made = Unread(line.number, line.code, line.why, text=line.text) if line.code else carrier.record(line)
        size = 0 if isinstance(made, Unread) else len(made["kinesis"]["data"]) + BESIDE_DATA_BYTES
        if size > EVENT_BYTES_MAX:
            made, size = Unread(line.number, "TOO_LARGE", "its change fits no event of Lambda's"), 0
        if batch.lines and batch.size + size > EVENT_BYTES_MAX:
            yield batch.grown()
            batch = _Growing()
        batch.add(line.number, made, size)
        if batch.lines == RECORDS_MAX:
            yield batch.grown()
            batch = _Growing()
    if batch.lines:
        yield batch.grown()


class _Growing:
    """A batch that is put together; ``lines`` counts its lines, ``size`` bounds its event's bytes."""

    def __init__(self) -> None:
        self.lines = 0
        self.size = len('{"Records":[]}')
        self._last = 0
        self._records: dict[int, dict[str, Any]] = {}
        self._unread: list[Unread] = []

    def add(self, line: int, made: dict[str, Any] | Unread, size: int) -> None:
        self.lines += 1
        self.size += size
        self._last = line
        if isinstance(made, Unread):
            self._unread.append(made)
        else:
            self._records[line] = made

    def grown(self) -> Batch:
        event = {"Records": [*self._records.values()]} if self._records else None
        return Batch(last=self._last, event=event, lines=[*self._records], unread=self._unread)
