"""100 messages, each of which calls a service that takes 20 ms: 32 at once beside one call."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING, Any

import httpx
import ours
import powertools as pt
from rounds import Case, row_of
from sample_events import sqs_text
from table import Goal

from worker_runtime import Sqs, worker
from worker_runtime.clients.http import HttpService

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rounds import Candidate
    from table import Row

RECORDS = 100
AT_ONCE = 32


@worker(
    Sqs("orders", dead_letters="orders-dlq", batch_size=RECORDS, window_s=1),
    stack=ours.STACK,
    concurrency=AT_ONCE,
)
def call(_order: str, *, service: HttpService) -> None:
    """Call the service."""
    service.check(service.get("/"))


class Sockets:
    """The standard library's client, a connection a thread: what of the time is the HTTP client's."""

    def __init__(self, url: str) -> None:
        self._address = url.removeprefix("http://")
        self._mine = local()

    def get(self) -> None:
        """Send a GET and read the answer."""
        if not hasattr(self._mine, "connection"):
            self._mine.connection = HTTPConnection(self._address)
        self._mine.connection.request("GET", "/")
        if self._mine.connection.getresponse().read() != b"{}":
            raise AssertionError("another answer")


@worker(
    Sqs("orders", dead_letters="orders-dlq", batch_size=RECORDS, window_s=1),
    stack=ours.STACK,
    concurrency=AT_ONCE,
)
def call_plainly(_order: str, *, sockets: Sockets) -> None:
    """Call the service."""
    sockets.get()


def rows(*, rounds: int) -> list[Row]:
    """Measure the batch beside one call, and beside Powertools' async processor with httpx's async client."""
    with slow_server() as url:
        service = HttpService(url, name="slow")
        case = Case(
            f"{RECORDS} messages x 20 ms HTTP, {AT_ONCE} at once",
            sqs_text(RECORDS),
            ours.running(call, service=service),
            {"one call": _one(service), "Powertools, async, httpx": _powertools(url)},
            Goal(5, at_least=False),
        )
        plain = Sockets(url)
        plainly = Case(
            f"{RECORDS} messages x 20 ms HTTP, {AT_ONCE} at once, http.client",
            case.event,
            ours.running(call_plainly, sockets=plain),
            {"one call": lambda _event: plain.get()},
            Goal(5, at_least=False),
        )
        listed = [row_of(case, rounds=rounds), row_of(plainly, rounds=rounds)]
        service.close()
        return listed


@contextmanager
def slow_server() -> Iterator[str]:
    """Run the service; yield its URL."""
    script = Path(__file__).with_name("_slow_server.py")
    with subprocess.Popen(  # noqa: S603 - our own file
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.communicate()


def _one(service: HttpService) -> Candidate:
    def call_once(_event: Any) -> None:
        service.check(service.get("/"))

    return call_once


def _powertools(url: str) -> Candidate:
    """Connect anew each time: the processor runs a loop of its own, which no client may outlive."""
    clients: list[httpx.AsyncClient] = []

    async def read(record: Any) -> None:  # noqa: ARG001 - it is handed over by that name
        (await clients[0].get("/")).raise_for_status()

    invoke = pt.asynchronous("sqs", read)

    def run(event: Any) -> None:
        clients[:] = [httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=AT_ONCE))]
        invoke(event)

    return run
