"""Recorded events, handed over as the batches that they were."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.local.recording.lines import VERSION
from workers_pipeline.delivering import deliver_changes
from workers_pipeline.local.backfill.batches import EVENT_BYTES_MAX, WORKER, Batch, Unread, sequence_of
from workers_pipeline.local.backfill.lines import Line, Lines, one_document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from workers_pipeline.local.stored.stored_file import StoredFile

_SOURCE: Final = deliver_changes.declaration.sources[0]
_EXPORTED: Final = frozenset({"Item", "NewImage", "OldImage"})
_MASKED: Final = "its personal data was made unreadable, and would be hashed as such; record with --in-clear"


class RecordedInput:
    """A recording, JSON Lines of events, or one event as JSON; each event is a batch."""

    changes = None
    may_repeat = True

    def __init__(self, stored: StoredFile) -> None:
        """Look at how it begins; Misuse where that is nothing of ours."""
        self._stored = stored
        self.name = self.origin = str(stored)
        self.identity = f"{stored.name} {stored.version()}"
        with stored.open() as file:
            first = next(Lines(file).behind(0), None)
            _refuse_strange(stored, None if first is None else _parsed(first))
            if first is not None and not _may_be_ours(file):
                raise Misuse(f"{stored} is no recording and of no export: no line of it is a JSON object.")

    def batches(self, *, behind: int) -> Iterator[Batch]:
        """Read event after event."""
        with self._stored.open() as file:
            document = one_document(file)
            lines = Lines(file).behind(behind) if document is None else [document][behind:]
            for line in lines:
                yield _batch(line)


def _may_be_ours(file: BufferedReader) -> bool:
    """Whether anything is of JSON; what cannot be read at all may have been."""
    file.seek(0)
    if one_document(file) is not None:
        return True
    return any(line.code or isinstance(_parsed(line), dict) for line in Lines(file).behind(0))


def _refuse_strange(stored: StoredFile, first: Any) -> None:
    match first:
        case {"kind": "recording", "version": version} if version != VERSION:
            cure = "read it with the version of worker-runtime that wrote it, or record anew."
            raise Misuse(f"{stored} is a recording of version {version}, and this is {VERSION}; {cure}")
        case dict() if _EXPORTED & first.keys():
            cure = "name the export's folder, or lay the file where it was."
            raise Misuse(f"{stored} is of an export, and no manifest-summary.json is near it; {cure}")


def _batch(line: Line) -> Batch:
    said = _parsed(line)
    match said:
        case Unread():
            return Batch(last=line.number, unread=(said,))
        case {"kind": "recording"}:
            return Batch(last=line.number)
        case {"kind": "event", "event": event}:
            if said.get("worker") not in (None, WORKER):
                return Batch(last=line.number, passed_over=_changes_in(event))
            why = ("MASKED", _MASKED) if said.get("masked") else _why_not(event, line)
        case event:
            why = _why_not(event, line)
    if why is not None:
        unread = Unread(line.number, *why, changes=_changes_in(event), text=line.text)
        return Batch(last=line.number, unread=(unread,))
    records = event["Records"]
    return Batch(last=line.number, event=event if records else None, lines=[line.number] * len(records))


def _parsed(line: Line) -> Any:
    """Read a line's JSON as Lambda's client does; Unread where it is none."""
    if line.code:
        return Unread(line.number, line.code, line.why, text=line.text)
    try:
        return json.loads(line.text)
    except (ValueError, RecursionError) as error:
        return Unread(line.number, "NO_JSON", str(error), text=line.text)


def _why_not(event: Any, line: Line) -> tuple[str, str] | None:
    """Say by code and in words why the worker could not take an event as a whole; None where it can."""
    if not _SOURCE.recognises(event):
        return "NO_EVENT", "it is no batch of table changes, as Kinesis or the table's stream has them"
    if not all(map(_has_sequence, event["Records"])):
        return "NO_EVENT", "a record of it has no sequence number"
    if len(line.text) > EVENT_BYTES_MAX < len(json.dumps(event, separators=(",", ":"))):
        return "TOO_LARGE", "Lambda takes no event of over 6 MB"
    return None


def _has_sequence(raw: Any) -> bool:
    try:
        found: Any = sequence_of(raw)
    except (KeyError, TypeError):
        return False
    return isinstance(found, str) and found.isdecimal()


def _changes_in(event: Any) -> int:
    records = event.get("Records") if isinstance(event, dict) else None
    return len(records) if isinstance(records, list) else 1
