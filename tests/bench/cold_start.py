"""From a new process to its first reply through awslambdaric: an SQS worker beside its peers.

Every function is laid out as a layer has it: installed packages in one folder, ours with the worker
index, nothing on the path that the function does not need.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from worker_runtime.catalogue import Catalogue, Entry
from worker_runtime.local.coldstart.layered import Layered, layered
from worker_runtime.local.stage.execution.answers import Reply
from worker_runtime.local.stage.execution.executor import Executor
from worker_runtime.local.stage.execution.invocations import Function
from worker_runtime.testing import sqs_event

ROUNDS: Final = 15
EVENT: Final = sqs_event({"id": "1"}, queue="orders")
ENVIRONMENT: Final = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "LOG_LEVEL": "INFO"}
CLIENT: Final = "table = boto3.client('dynamodb')\n"
BARE: Final = "def handler(event, context):\n    return {'batchItemFailures': []}\n"
POWERTOOLS: Final = """
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

logger = Logger(service="bench")
processor = BatchProcessor(event_type=EventType.SQS)


def take(record):
    record.json_body["id"]
    logger.info("taken")


@logger.inject_lambda_context
def handler(event, context):
    return process_partial_response(event=event, record_handler=take, processor=processor, context=context)
"""
WORKER: Final = '''
from msgspec import Struct
from worker_runtime import Sqs, Stack, worker

WORKER_API = (1, 0)


class Order(Struct):
    id: str


@worker(Sqs("orders"), stack=Stack("bench"))
def take(order: Order) -> None:
    """Take an order."""
'''
WORKER_WITH_CLIENT: Final = '''
from msgspec import Struct
from worker_runtime import Sqs, Stack, hookimpl, provide, worker
from worker_runtime.clients import aws

WORKER_API = (1, 0)


class Order(Struct):
    id: str


class Items:
    def __init__(self) -> None:
        self.table = aws.client("dynamodb")


@provide
def items() -> Items:
    return Items()


@hookimpl
def services():
    return [items]


@worker(Sqs("orders"), stack=Stack("bench"))
def take(order: Order, *, items: Items) -> None:
    """Take an order."""
'''


class Row(NamedTuple):
    """One comparison: milliseconds of both, and how many times the peer's time ours may take."""

    path: str
    ours_ms: float
    peer: str
    peer_ms: float
    goal: float

    @property
    def ratio(self) -> float:
        """Ours in terms of the peer's."""
        return self.ours_ms / self.peer_ms


def rows(*, rounds: int = ROUNDS) -> list[Row]:
    """Start every function ``rounds`` times in turn and compare the medians."""
    with tempfile.TemporaryDirectory() as folder:
        candidates = _functions(Path(folder))
        took: dict[str, list[float]] = {name: [] for name in candidates}
        for counted in range(rounds + 1):
            for name, function in candidates.items():
                took_ms = _first_reply_ms(function)
                if counted:  # the first start of each writes bytecode
                    took[name].append(took_ms)
    ms = {name: statistics.median(times) for name, times in took.items()}
    without, with_client = "cold start, no AWS client", "cold start, one AWS client"
    return [
        Row(without, ms["ours"], "a bare handler", ms["bare"], 1.9),
        Row(without, ms["ours"], "Powertools batch + Logger", ms["powertools"], 1.0),
        Row(
            with_client,
            ms["ours, client"],
            "Powertools batch + Logger + boto3",
            ms["powertools, client"],
            1.0,
        ),
        Row(with_client, ms["ours, client"], "a bare handler with boto3", ms["bare, client"], 1.2),
    ]


def _functions(folder: Path) -> dict[str, Function]:
    ours = _site(folder / "ours", "worker-runtime[aws]")
    peers = _site(folder / "peers", "aws-lambda-powertools", "boto3")
    modules = {"bench_bare": BARE, "bench_powertools": POWERTOOLS, "bench_worker": WORKER}
    modules["bench_bare_client"] = f"import boto3\n{CLIENT}{BARE}"
    modules["bench_powertools_client"] = f"import boto3\n{CLIENT}{POWERTOOLS}"
    modules["bench_worker_client"] = WORKER_WITH_CLIENT
    for site in (ours, peers):
        for name, text in modules.items():
            (site.packages / f"{name}.py").write_text(text)
    door = "worker_runtime.handler.handler"
    return {
        "bare": _function(peers, "bench_bare.handler"),
        "ours": _function(ours, door, app_name="bench.take"),
        "powertools": _function(peers, "bench_powertools.handler"),
        "bare, client": _function(peers, "bench_bare_client.handler"),
        "ours, client": _function(ours, door, app_name="client.take"),
        "powertools, client": _function(peers, "bench_powertools_client.handler"),
    }


def _site(folder: Path, *distributions: str) -> Layered:
    folder.mkdir()
    modules = {"bench": "bench_worker", "client": "bench_worker_client"}
    catalogue = Catalogue(
        workers={f"{name}.take": [Entry(f"{module}:take", "bench", "1")] for name, module in modules.items()},
        plugins={name: [Entry(module, "bench", "1")] for name, module in modules.items()},
        local={},
    )
    return layered(folder, catalogue=catalogue, distributions=(*distributions, "awslambdaric"))


def _function(site: Layered, handler: str, *, app_name: str = "") -> Function:
    return Function(
        name=app_name or handler.partition(".")[0],
        handler=handler,
        timeout_s=30,
        environment={**ENVIRONMENT, "APP_NAME": app_name, "PYTHONPATH": str(site.packages)},
        task_root=site.packages,
        python=site.python,
    )


def _first_reply_ms(function: Function) -> float:
    with Executor(function) as executor:
        began = time.monotonic()
        report = executor.invoke(EVENT)
        took_ms = (time.monotonic() - began) * 1000
    if not isinstance(report.answer, Reply) or report.answer.value != {"batchItemFailures": []}:
        raise AssertionError(f"{function.name} was to take the record: {report.answer}\n{report.logs}")
    return took_ms


def main() -> None:
    for row in rows():
        told = f"{row.ours_ms:7.1f} ms beside {row.peer_ms:7.1f} ms of {row.peer}"
        sys.stdout.write(f"{row.path:27} {told:55} {row.ratio:5.2f}x  (goal {row.goal}x)\n")


if __name__ == "__main__":
    main()
