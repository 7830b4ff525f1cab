"""What the workers of a stage print, kept raw: one file a worker."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from worker_runtime.local.stage.parts.part import Part

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self, TextIO


class WorkerLogs(Part):
    """Files ``<worker id>.log`` in a folder; for many threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._files: dict[str, TextIO] = {}
        self._closed = False

    def start(self) -> Self:
        """Make the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def stop(self) -> None:
        """Close the files; what comes later is dropped."""
        with self._lock:
            self._closed = True
            for file in self._files.values():
                file.close()

    def write(self, worker_id: str, line: str) -> None:
        """Add a line to a worker's file."""
        with self._lock:
            if self._closed:
                return
            if worker_id not in self._files:
                path = self.folder / f"{worker_id}.log"
                self._files[worker_id] = path.open(
                    "a", encoding="utf-8", buffering=1, errors="backslashreplace"
                )
            self._files[worker_id].write(f"{line}\n")
