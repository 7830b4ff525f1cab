"""Accepts connections on a loopback port and serves each in a thread of its own."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.parts.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self


_LAST_WORDS_S = 5.0  # for a connection whose other end takes its time


class TcpServer(Part):
    """Calls ``serve`` with every connection, which is closed when it returns."""

    def __init__(self, serve: Callable[[socket.socket], None], *, port: int = 0) -> None:
        """Serve on ``port``, or on any free one where it is 0."""
        self._serve = serve
        self.port = port
        self._listener: socket.socket | None = None
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()

    def start(self) -> Self:
        """Listen; after a stop, on the same port again."""
        listener = socket.create_server((LOOPBACK, self.port), backlog=128)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._acceptor = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        self._acceptor.start()
        return self

    def stop(self) -> None:
        """Listen no more, hang up on everybody, wait until all is over."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        with suppress(OSError):  # macOS: wakes the acceptor all the same
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        self._acceptor.join()
        self.hang_up()
        with self._lock:
            threads = list(self._connections.values())
        for thread in threads:
            thread.join(_LAST_WORDS_S)

    def hang_up(self) -> None:
        """End all connections in the middle of whatever they carry."""
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # stopped
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._run, args=(connection,), name="connection", daemon=True)
            with self._lock:
                self._connections[connection] = thread
            thread.start()

    def _run(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):  # somebody hung up
                self._serve(connection)
        finally:
            with self._lock:
                self._connections.pop(connection, None)
