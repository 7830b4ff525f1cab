"""Where each stream poller goes on: the last sequence number before which all is done, kept in a file."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Checkpoints:
    """Sequence numbers by worker and shard; safe to use from many threads."""

    def __init__(self, file: Path) -> None:
        """Go on from ``file`` where there is one."""
        self._file = file
        self._lock = threading.Lock()
        self._done: dict[str, str] = json.loads(file.read_text()) if file.is_file() else {}

    def get(self, worker_id: str, shard: str) -> str | None:
        """Return the last sequence number that is done with all before it; None at the beginning."""
        with self._lock:
            return self._done.get(f"{worker_id} {shard}")

    def put(self, worker_id: str, shard: str, sequence: str) -> None:
        """Keep a sequence number, so that it survives the stage."""
        with self._lock:
            self._done[f"{worker_id} {shard}"] = sequence
            new = self._file.with_suffix(".new")
            new.write_text(json.dumps(self._done, indent=1))
            new.replace(self._file)
