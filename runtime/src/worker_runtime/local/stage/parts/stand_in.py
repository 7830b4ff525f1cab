"""A base for stand-ins: outside HTTP services (a link shortener, an SMS gateway) on loopback.

A plugin's local part subclasses ``StandIn`` and keeps the service's state; here are the server, the
faults that a test or a scenario scripts, and the record of what was asked. Like the service itself a
stand-in forgets nothing that it has answered: what changes is written to ``memory`` before the answer
leaves, and read from it by ``recall``.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from worker_runtime.clock import RealClock
from worker_runtime.local.stage.keeping.memory import Forgetful
from worker_runtime.local.stage.parts.faults import Fault, Faults, Throttle, failing
from worker_runtime.local.stage.parts.http_server import HttpServer, Request, Response
from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.threads.real import REAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.keeping.memory import Memory
    from worker_runtime.local.stage.threads.threads import Threads


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and what it got; ``status`` is None where it got no answer."""

    at: float  # seconds since the epoch, of the stand-in's clock
    request: Request
    status: int | None
    scripted: bool  # whether a fault answered in the service's place


class StandIn(Part):
    """An HTTP service to be written: subclasses implement ``handle``."""

    def __init__(self, *, clock: Clock | None = None, seed: int = 0) -> None:
        """Prepare; ``clock`` times latencies and the log, ``seed`` decides random throttling."""
        self.clock = clock or RealClock()
        self.threads: Threads = REAL
        """Where it takes threads from that do something at a time of the clock; the stage gives its own."""
        self.memory: Memory = Forgetful()
        """What it does not forget; a stage that goes on gives its own."""
        self._recalled = False
        self._faults = Faults(seed=seed)
        self._server = HttpServer(self._answer)
        self._log: list[Exchange] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._answered: Callable[[], None] = lambda: None

    @abstractmethod
    def handle(self, request: Request) -> Response | None:
        """Answer as the service would, or hang up (None); called from many threads at once."""

    def recall(self) -> None:
        """Read the service's state from ``memory``; called by the first ``start``."""

    @property
    def url(self) -> str:
        """The service's base URL."""
        return f"http://{self._server.address}"

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """What was asked so far and how it ended, oldest first."""
        with self._lock:
            return tuple(self._log)

    def start(self) -> Self:
        """Serve on a free loopback port; after a stop, on the same one again."""
        self._stopped.clear()
        if not self._recalled:
            self._recalled = True
            self._faults.recall(self.memory)
            self._log += [
                msgspec.json.decode(value, type=Exchange) for _, value in self.memory.read("exchange")
            ]
            self.recall()
        self._server.start()
        return self

    def stop(self) -> None:
        """Serve no more; whoever is left hanging is hung up on."""
        self._stopped.set()
        self._server.stop()

    def on_answer(self, answered: Callable[[], None]) -> None:
        """Tell ``answered`` of each request that has had its effect, right before its answer leaves."""
        self._answered = answered

    def count(self, method: str | None = None, path: str | None = None, *, status: int | None = None) -> int:
        """Count the exchanges that have this method, path and status; None stands for any."""
        return sum(
            method in (None, each.request.method)
            and path in (None, each.request.path)
            and status in (None, each.status)
            for each in self.exchanges
        )

    def fail_next(  # noqa: PLR0913 - a service fails in as many ways
        self,
        n: int = 1,
        *,
        status: int = 503,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | dict[str, object] | None = None,
        latency_s: float = 0.0,
        hang: bool = False,
    ) -> None:
        """Let the next ``n`` requests fail with ``status`` after ``latency_s``, or get no answer."""
        response = failing(status, headers=headers, body=body)
        self._faults.script(Fault(response=response, latency_s=latency_s, hang=hang), times=n)

    def hang_up_next(self, n: int = 1) -> None:
        """Hang up on the next ``n`` requests, as if nobody had heard them."""
        self._faults.script(Fault(hangs_up=True), times=n)

    def slow_next(self, n: int = 1, *, latency_s: float) -> None:
        """Let the next ``n`` requests wait ``latency_s`` before they are answered properly."""
        self._faults.script(Fault(latency_s=latency_s), times=n)

    def throttle(
        self, *, every: int = 0, share: float = 0.0, status: int = 429, retry_after_s: int | None = None
    ) -> None:
        """Refuse every ``every``-th request and a random ``share`` (0 to 1) from now on."""
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        response = Response(status=status, headers=headers)
        self._faults.throttle(Throttle(every=every, share=share, response=response))

    def behave(self) -> None:
        """Drop all scripted faults and throttling."""
        self._faults.clear()

    def _answer(self, request: Request) -> Response | None:
        fault = self._faults.next()
        if fault is not None and fault.latency_s > 0:
            self.clock.sleep(fault.latency_s)
        if fault is not None and (fault.hang or fault.hangs_up):
            self._record(request, None, scripted=True)
            if fault.hang:
                self._stopped.wait()
            return None
        scripted = fault is not None and fault.response is not None
        response = fault.response if fault and fault.response else self._handled(request)
        self._record(request, None if response is None else response.status, scripted=scripted)
        if not scripted:
            self._answered()
        return response

    def _handled(self, request: Request) -> Response | None:
        try:
            return self.handle(request)
        except Exception as error:  # noqa: BLE001 - a stand-in's bug is a server's bug: 500, and it goes on
            return Response.json({"message": f"{type(self).__name__}: {error!r}"}, status=500)

    def _record(self, request: Request, status: int | None, *, scripted: bool) -> None:
        exchange = Exchange(at=self.clock.now(), request=request, status=status, scripted=scripted)
        with self._lock:
            self._log.append(exchange)
            self.memory.put("exchange", f"{len(self._log):09}", msgspec.json.encode(exchange))
