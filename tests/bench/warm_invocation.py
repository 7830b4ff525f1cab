"""What an invocation of a warm worker process costs beyond the worker's own time, through awslambdaric.

The handler tells how long it took itself; the rest is the executor, its Runtime API and the client. The
first peer is the goal, a millisecond; the second is the client alone, over a server that does no more than
it must. The two take turns.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from table import Goal, Peer, Row, told

from worker_runtime.local.stage.execution.answers import Reply
from worker_runtime.local.stage.execution.executor import Executor
from worker_runtime.local.stage.execution.invocations import Function
from worker_runtime.local.stage.execution.worker_environment import worker_environment
from worker_runtime.local.stage.parts.ports import LOOPBACK
from worker_runtime.local.stage.parts.tcp_server import TcpServer
from worker_runtime.testing import sqs_event

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    Invoke = Callable[[bytes], bytes]

INVOCATIONS: Final = 2_000
SHORT: Final = 300
WARM_UP: Final = 50
GOAL_MS: Final = 1.0
MOST_TIMES: Final = 1.6
FLOOR: Final = "awslambdaric alone"
EVENT: Final = json.dumps(sqs_event(*({"id": str(at)} for at in range(10)), queue="orders")).encode()
HANDLER: Final = """
import time

def handler(event, context):
    began = time.perf_counter_ns()
    failed = [each["messageId"] for each in event["Records"] if not each["body"]]
    return {"batchItemFailures": failed, "took_ns": time.perf_counter_ns() - began}
"""


def rows(*, invocations: int = INVOCATIONS) -> Iterator[Row]:
    """Invoke the executor and the client alone in turn; yield the median and the 99th percentile."""
    ours, floor = _both(invocations)
    goal, limit = Goal(1, at_least=False), Peer("the goal", GOAL_MS)
    yield Row("warm invocation, p50", _p(ours, 50), (limit, Peer(FLOOR, _p(floor, 50))), goal)
    yield Row("warm invocation, p99", _p(ours, 99), (Peer(FLOOR, _p(floor, 99)),))


def beside_the_client_alone(*, invocations: int) -> Row:
    """Compare the medians alone: a ratio, which a busy machine does not move far."""
    ours, floor = _both(invocations)
    goal = Goal(MOST_TIMES, at_least=False)
    return Row("warm invocation, p50", _p(ours, 50), (Peer(FLOOR, _p(floor, 50)),), goal)


def _both(invocations: int) -> list[list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        function = _function(Path(folder))
        with Executor(function) as executor, _bare(function) as bare:
            return _times_ms([_through(executor), bare], invocations)


def _function(folder: Path) -> Function:
    (folder / "bench_warm.py").write_text(HANDLER)
    return Function(name="warm", handler="bench_warm.handler", timeout_s=30, task_root=folder)


def _times_ms(invokes: list[Invoke], invocations: int) -> list[list[float]]:
    """Time each in turn, without what the handler says it took itself."""
    took: list[list[float]] = [[] for _ in invokes]
    for at in range(invocations + WARM_UP):
        for times, invoke in zip(took, invokes, strict=True):
            began = time.perf_counter_ns()
            reply = invoke(EVENT)
            ns = time.perf_counter_ns() - began
            if at >= WARM_UP:
                times.append((ns - json.loads(reply)["took_ns"]) / 1e6)
    return took


def _p(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100)[percent - 1]


def _through(executor: Executor) -> Invoke:
    def invoke(event: bytes) -> bytes:
        answer = executor.invoke(event).answer
        assert isinstance(answer, Reply), answer
        return answer.payload

    return invoke


@contextmanager
def _bare(function: Function) -> Iterator[Invoke]:
    """Run the client over the least that it takes for a Runtime API."""
    events: SimpleQueue[bytes] = SimpleQueue()
    replies: SimpleQueue[bytes] = SimpleQueue()

    def invoke(event: bytes) -> bytes:
        events.put(event)
        return replies.get()

    def serve(connection: socket.socket) -> None:
        with connection.makefile("rb") as reader:
            while line := reader.readline():
                size = 0
                while (header := reader.readline()) != b"\r\n":
                    if header.lower().startswith(b"content-length:"):
                        size = int(header.partition(b":")[2])
                if line.startswith(b"POST"):
                    replies.put(reader.read(size))
                    connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}")
                else:
                    connection.sendall(_next(events.get()))

    with TcpServer(serve) as server:
        environment = worker_environment(function, runtime_api=f"{LOOPBACK}:{server.port}")
        command = [function.python, "-m", "awslambdaric", function.handler]
        client = subprocess.Popen(command, env=environment, cwd=function.task_root)  # noqa: S603 - as the executor does
        try:
            yield invoke
        finally:
            client.kill()
            client.wait()
            events.put(b"")


def _next(event: bytes) -> bytes:
    deadline_ms = int((time.time() + 30) * 1000)
    head = f"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: {deadline_ms}"
    return (
        f"{head}\r\nContent-Type: application/json\r\nContent-Length: {len(event)}\r\n\r\n".encode() + event
    )


if __name__ == "__main__":
    sys.stdout.write(f"{told(rows())}\n")
