"""A port that leads to another: what is said goes both ways, and so does the end."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing

import pytest

from worker_runtime.local.stage.parts.ports import free_port
from worker_runtime.local.stage.parts.tcp_relay import relay
from worker_runtime.local.stage.parts.tcp_server import TcpServer

MUCH = b"x" * 3_000_000


def echo(connection: socket.socket) -> None:
    """Say what was said, once all of it was."""
    connection.sendall(everything(connection))


def everything(connection: socket.socket) -> bytes:
    said = b""
    while data := connection.recv(1_000_000):
        said += data
    return said


def connected(port: int) -> closing[socket.socket]:
    return closing(socket.create_connection(("127.0.0.1", port), timeout=5))


@pytest.mark.parametrize("said", [b"", b"a", MUCH], ids=["nothing", "little", "much"])
def test_what_is_said_goes_there_and_the_answer_comes_back(said: bytes) -> None:
    with ExitStack() as parts:
        server = parts.enter_context(TcpServer(echo))
        way_in = parts.enter_context(relay(0, to=server.port))
        client = parts.enter_context(connected(way_in.port))
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)

        assert everything(client) == said


def test_where_nobody_is_behind_it_it_hangs_up() -> None:
    with relay(0, to=free_port()) as way_in, connected(way_in.port) as client:
        assert client.recv(1) == b""
