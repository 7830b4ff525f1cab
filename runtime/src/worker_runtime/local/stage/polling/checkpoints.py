"""Where each stream poller goes on: from the first record that may not be done, kept in a file.

A move is a line at the file's end, so that it costs no more where many shards move; the last line of a
shard counts. Now and then the file is written anew.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Final

from worker_runtime.local.stage.polling.feeds import Position
from worker_runtime.local.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LINES: Final = 10_000
"""So many moves make a file of one or two megabytes; then it is written anew."""


class Checkpoints:
    """Positions by worker and shard; safe to use from many threads."""

    def __init__(self, file: Path) -> None:
        """Go on from ``file`` where there is one."""
        self._file = file
        self._lock = threading.Lock()
        self._positions: dict[str, Position] = dict(_read(file)) if file.is_file() else {}
        self._lines = _LINES  # the first move writes the file anew: its last line may be half a line

    def get(self, worker_id: str, shard: str) -> Position | None:
        """Return where to go on in a shard; None at the beginning."""
        with self._lock:
            return self._positions.get(f"{worker_id} {shard}")

    def put(self, worker_id: str, shard: str, position: Position) -> None:
        """Keep a position, so that it survives the stage."""
        key = f"{worker_id} {shard}"
        with self._lock:
            self._positions[key] = position
            if self._lines >= _LINES:
                self._write_anew()
                return
            with self._file.open("a", encoding="utf-8") as file:
                file.write(_line(key, position))
            self._lines += 1

    def _write_anew(self) -> None:
        write_whole(self._file, "".join(_line(*each) for each in self._positions.items()).encode())
        self._lines = 0


def _line(key: str, position: Position) -> str:
    return json.dumps([key, position.kind, position.sequence]) + "\n"


def _read(file: Path) -> Iterator[tuple[str, Position]]:
    """Read all moves in their order; a line that a killed stage did not end is none."""
    for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            key, kind, sequence = json.loads(line)
            yield key, Position(kind, sequence)
