"""The generator in a process of its own, as ``bench/_fan_out.py`` measures it, so that it may be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.stage.dynamodb_calls import BATCH_WRITE, UnprocessedWrites
from worker_runtime.local.stage.gateway import ApiAnswer, Passed
from worker_runtime.settings_files import merged_settings

if TYPE_CHECKING:
    from collections.abc import Callable

MEASURED: Final = Path(__file__).parent / "bench" / "_fan_out.py"
LASTS_S: Final = 120
UNUSED: Final = {"DMND_REDIS_URL": "redis://127.0.0.1:9", "BITLY_SECRET_ID": "bitly"}  # the event has a link


class GeneratorApart:
    """One tick of the generator over a table, from its start to its end or its being killed."""

    def __init__(self, table_name: str, *, chunk_size: int, folder: Path) -> None:
        settings = merged_settings("workers_dmnd", config_env="dev")
        settings["notification"]["chunkSize"] = chunk_size
        file = folder / "settings.json"
        file.write_text(json.dumps({"dmnd": settings}))
        self._process = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, str(MEASURED), "ours", "0"],
            env={**os.environ, **UNUSED, "DEMAND_TABLE": table_name, "WORKER_SETTINGS": str(file)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._peak_mb = 0.0

    def kill(self) -> None:
        """End it as a machine that fails, its peak noted."""
        status = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        self._peak_mb = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))
        self._process.kill()

    def killed_mb(self) -> float:
        """Wait until it is killed, and return the most memory that it had by then."""
        _, said = self._process.communicate(timeout=LASTS_S)
        assert self._peak_mb, f"it ended before it was killed: {said}"
        return self._peak_mb

    def took(self) -> dict[str, Any]:
        """Wait until it is done, and return what it wrote and took."""
        _, said = self._process.communicate(timeout=LASTS_S)
        assert self._process.returncode == 0, said
        result: dict[str, Any] = json.loads(said.splitlines()[-1])
        return result


class Writes:
    """``Calls`` of the gateway to a table short of capacity; counts the puts of each item by its key."""

    def __init__(self) -> None:
        self._unprocessed = UnprocessedWrites(seed=1)
        self.held_back = 0
        self.put: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._due: tuple[int, Callable[[], None]] | None = None

    def begin(self, *, share: float) -> None:
        """Leave this share of all puts unprocessed from now on, and count anew."""
        with self._lock:
            self._unprocessed.share = share
            self.put.clear()
            self.held_back = 0

    def once_put(self, count: int, happen: Callable[[], None]) -> None:
        """Call ``happen`` once, with the call under way that puts the last of ``count`` more items."""
        with self._lock:
            self._due = (self.put.total() + count, happen)

    def __call__(self, target: str, body: bytes) -> ApiAnswer | Passed | None:
        answer = self._unprocessed(target, body)
        if target == BATCH_WRITE:
            asked = _keys(body)
            put = [] if isinstance(answer, ApiAnswer) else asked if answer is None else _keys(answer.body)
            self._note(put, held_back=len(asked) - len(put))
        return answer

    def _note(self, put: list[str], *, held_back: int) -> None:
        with self._lock:
            self.put.update(put)
            self.held_back += held_back
            if self._due is not None and self.put.total() >= self._due[0]:
                self._due[1]()
                self._due = None


def _keys(body: bytes) -> list[str]:
    (writes,) = json.loads(body)["RequestItems"].values()
    return [write["PutRequest"]["Item"]["PK"]["S"] for write in writes]
