"""Passes the connections of one loopback port on to another: a way in that stays where it is.

Between who was told a port and a server that gets another one each time it starts.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from worker_runtime.local.stage.parts.ports import LOOPBACK
from worker_runtime.local.stage.parts.tcp_server import TcpServer

_CHUNK_BYTES = 65_536


def relay(port: int, *, to: int) -> TcpServer:
    """Prepare the way from ``port`` to the port ``to``."""

    def serve(connection: socket.socket) -> None:
        with socket.create_connection((LOOPBACK, to)) as onward:
            onward.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=_pass_on, args=(onward, connection), name="relay", daemon=True)
            back.start()
            _pass_on(connection, onward)
            back.join()

    return TcpServer(serve, port=port)


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what comes, and then that nothing comes any more."""
    with suppress(OSError):  # one of the ends hung up
        while data := source.recv(_CHUNK_BYTES):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
