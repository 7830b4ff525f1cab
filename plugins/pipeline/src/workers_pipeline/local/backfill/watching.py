"""What one invocation of the delivery worker stores, sends and says, seen from where it does so."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker_runtime.clients.sqs import Message
    from worker_runtime.local.worker_here import Sender, Spill
    from workers_pipeline.avro_files import AvroFiles
    from workers_pipeline.services import Warehouse


class Letter(Struct, frozen=True, rename="camel"):
    """A dead letter: whose, and why."""

    record_id: str
    code: str
    error: str


_letter = msgspec.json.Decoder(Letter).decode


class Watch(logging.Handler):
    """Collects what was seen since ``begin``: rows and bytes by file, letters, outcomes, reasons to skip."""

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def begin(self) -> None:
        """Forget all, before an invocation."""
        self.rows: dict[str, int] = {}
        self.bytes: dict[str, int] = {}
        self.letters: list[Letter] = []
        self.outcomes: Mapping[str, int] = {}
        self.skipped: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Hear the runtime's line about the invocation, and each one about a record that is skipped."""
        said = vars(record)
        if "outcomes" in said:
            self.outcomes = said["outcomes"]
        elif said.get("outcome") == "skip":
            self.skipped[str(said["reason"])] += 1


class WatchedFiles:
    """Writes files as ``AvroFiles`` does."""

    def __init__(self, files: AvroFiles, watch: Watch) -> None:
        self._files = files
        self._watch = watch

    def written(self, rows: Sequence[str], *, schema: Mapping[str, Any], name: str) -> bytes:
        """Write rows as a file."""
        self._watch.rows[name] = len(rows)
        return self._files.written(rows, schema=schema, name=name)


class WatchedWarehouse:
    """Stores files where another does, or nowhere: for a dry run."""

    def __init__(self, warehouse: Warehouse | None, watch: Watch) -> None:
        self._warehouse = warehouse
        self._watch = watch

    def store(self, files: Mapping[str, bytes]) -> None:
        """Store files by key."""
        if self._warehouse is not None:
            self._warehouse.store(files)
        self._watch.bytes = {key: len(data) for key, data in files.items()}


class WatchedSender:
    """Sends what another does, or nothing: for a dry run."""

    def __init__(self, sender: Sender | None, watch: Watch) -> None:
        self._sender = sender
        self._watch = watch

    def send(self, queue: str, messages: Sequence[Message]) -> Sequence[Exception | None]:
        """Send dead letters."""
        errors = [None] * len(messages) if self._sender is None else self._sender.send(queue, messages)
        sent = (message for message, error in zip(messages, errors, strict=True) if error is None)
        self._watch.letters += [_letter(message.body) for message in sent]
        return errors

    def change_visibility(self, queue: str, changes: Sequence[tuple[str, int]]) -> Sequence[Exception | None]:
        """Change nothing: a stream has no visibility."""
        return [] if self._sender is None else self._sender.change_visibility(queue, changes)

    def spill(self, spill: Spill) -> Exception | None:
        """Store what is too large for a message."""
        return None if self._sender is None else self._sender.spill(spill)
