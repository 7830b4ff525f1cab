"""Where each stream poller goes on: from the first record that may not be done, kept in a file."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from worker_runtime.local.stage.polling.feeds import Position

if TYPE_CHECKING:
    from pathlib import Path

    from worker_runtime.local.stage.polling.feeds import PositionKind


class Checkpoints:
    """Positions by worker and shard; safe to use from many threads."""

    def __init__(self, file: Path) -> None:
        """Go on from ``file`` where there is one."""
        self._file = file
        self._lock = threading.Lock()
        read: dict[str, tuple[PositionKind, str]] = json.loads(file.read_text()) if file.is_file() else {}
        self._positions = {key: Position(*position) for key, position in read.items()}

    def get(self, worker_id: str, shard: str) -> Position | None:
        """Return where to go on in a shard; None at the beginning."""
        with self._lock:
            return self._positions.get(f"{worker_id} {shard}")

    def put(self, worker_id: str, shard: str, position: Position) -> None:
        """Keep a position, so that it survives the stage."""
        with self._lock:
            self._positions[f"{worker_id} {shard}"] = position
            plain = {key: (each.kind, each.sequence) for key, each in self._positions.items()}
            new = self._file.with_suffix(".new")
            new.write_text(json.dumps(plain, indent=1))
            new.replace(self._file)
