"""What chosen workers print, told as they print it, until nobody watches any more."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from worker_runtime.local.serving.log_lines import readable_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

_LOOK_S: Final = 0.2


class LogFollower:
    """Reads on in the log files of workers: first from their ends, then what comes."""

    def __init__(self, logs: Path, *, worker_ids: Collection[str], tell: Callable[[str], None]) -> None:
        self._files = {worker_id: logs / f"{worker_id}.log" for worker_id in worker_ids}
        self._tell = tell
        self._read = {each: file.stat().st_size if file.exists() else 0 for each, file in self._files.items()}

    def look(self) -> None:
        """Tell all whole lines that came since the last look."""
        for worker_id, file in self._files.items():
            if not file.exists():
                continue
            with file.open("rb") as log:
                log.seek(self._read[worker_id])
                new = log.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._read[worker_id] += len(whole)
            for line in whole.decode(errors="replace").splitlines():
                if (said := readable_line(line)) is not None:
                    self._tell(f"{worker_id}: {said}")


@contextmanager
def followed(logs: Path, *, worker_ids: Collection[str], tell: Callable[[str], None]) -> Iterator[None]:
    """Follow the logs inside the block, in a thread of its own; nothing where no worker is named."""
    if not worker_ids:
        yield
        return
    follower = LogFollower(logs, worker_ids=worker_ids, tell=tell)
    over = threading.Event()

    def follow() -> None:
        while not over.wait(_LOOK_S):
            follower.look()
        follower.look()

    thread = threading.Thread(target=follow, name="logs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
