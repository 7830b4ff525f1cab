"""What a worker process prints, line by line, given to the invocation that is under way.

awslambdaric writes its log lines to stdout (the telemetry descriptor that Lambda hands it is not
set here), flushes each, and ends a stack trace's lines with a carriage return so that they stay
one line.
"""

from __future__ import annotations

import os
import select
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK_BYTES = 65_536
_ESCAPED_CHECK_MS = 1_000


class CapturedOutput:
    """Reads a pipe; ``writer`` is the end for the process.

    ``on_line`` gets each line and the request id that it belongs to, None outside invocations.
    """

    def __init__(self, on_line: Callable[[str, str | None], None]) -> None:
        self._on_line = on_line
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._lock = threading.RLock()  # on_line may print, and so may what it calls
        self._partial = b""
        self._lines: list[str] = []
        self._request_id: str | None = None
        self._open = True
        self._thread = threading.Thread(target=self._follow, name="captured-output", daemon=True)

    def start(self) -> None:
        """Follow the pipe; to be called once the process holds its end, or was not started."""
        os.close(self.writer)
        self._thread.start()

    def begin(self, request_id: str) -> None:
        """Let what comes from now on belong to the invocation."""
        with self._lock:
            self._drain()
            self._request_id = request_id

    def take(self) -> str:
        """End the invocation and return all that came since the last one ended.

        Nothing that the process wrote before this call is missing: the pipe is read first.
        """
        with self._lock:
            self._drain()
            if self._partial:
                self._emit(self._partial)
                self._partial = b""
            text = "".join(f"{line}\n" for line in self._lines)
            self._lines.clear()
            self._request_id = None
            return text

    def close(self) -> None:
        """Stop following; what is left is still given to ``on_line``."""
        with self._lock:
            self.take()
            self._open = False

    def _follow(self) -> None:
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        while self._open:
            poll.poll(_ESCAPED_CHECK_MS)  # no end of file where something that escaped holds the pipe
            with self._lock:
                if not self._drain():
                    break
        os.close(self._reader)

    def _drain(self) -> bool:
        """Read what there is; False at the end of the pipe."""
        while self._open:
            try:
                chunk = os.read(self._reader, _CHUNK_BYTES)
            except BlockingIOError:
                return True
            if not chunk:
                self._open = False
                break
            *lines, self._partial = (self._partial + chunk).split(b"\n")
            for line in lines:
                self._emit(line)
        return False

    def _emit(self, raw: bytes) -> None:
        line = raw.decode(errors="replace").replace("\r", "\n")
        self._lines.append(line)
        self._on_line(line, self._request_id)
