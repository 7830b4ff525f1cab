"""From a new process to its first reply through awslambdaric: an SQS worker beside a bare handler."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from worker_runtime.local.stage.execution.executor import Executor
from worker_runtime.local.stage.execution.invocations import Function
from worker_runtime.testing import sqs_event

ROUNDS = 7
BARE = "def handler(event, context):\n    return {'batchItemFailures': []}\n"
WORKER = '''
from msgspec import Struct
from worker_runtime import Sqs, Stack, worker

WORKER_API = (1, 0)


class Order(Struct):
    id: str


@worker(Sqs("orders"), stack=Stack("bench"))
def take(order: Order) -> None:
    """Take an order."""
'''
ENTRY_POINTS = (
    "[worker_runtime.workers]\nbench.take = benched:take\n[worker_runtime.plugins]\nbench = benched\n"
)


def functions(folder: Path) -> dict[str, Function]:
    """Write both handlers into a folder that stands in for a layer."""
    (folder / "bare.py").write_text(BARE)
    (folder / "benched.py").write_text(WORKER)
    info = folder / "benched-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: benched\nVersion: 1\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    ours = {"APP_NAME": "bench.take", "PYTHONPATH": str(folder)}
    return {
        "worker_runtime": Function(
            name="ours", handler="worker_runtime.handler.handler", timeout_s=30, environment=ours
        ),
        "bare handler": Function(
            name="bare", handler="bare.handler", timeout_s=30, environment={"PYTHONPATH": str(folder)}
        ),
    }


def first_reply_ms(function: Function) -> float:
    with Executor(function) as executor:
        report = executor.invoke(sqs_event({"id": "1"}, queue="orders"))
        return (report.init_s + report.duration_s) * 1000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        candidates = functions(Path(folder))
        took: dict[str, list[float]] = {name: [] for name in candidates}
        for _ in range(ROUNDS):
            for name, function in candidates.items():
                took[name].append(first_reply_ms(function))
    bare = statistics.median(took["bare handler"])
    for name, times in took.items():
        median = statistics.median(times)
        sys.stdout.write(f"cold start  {name:15} {median:8.1f} ms  {median / bare:5.2f}x bare\n")


if __name__ == "__main__":
    main()
