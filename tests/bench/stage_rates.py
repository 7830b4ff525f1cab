"""A backlog through a no-op worker on the local stage: records a second, and the stage's peak memory.

Each run has an emulator of its own, filled before it starts; the stage runs in a process of its own. The
peer is a plain boto3 loop that takes the same records and does nothing with them: the emulator's share.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import boto3
from botocore.config import Config
from sample_events import order
from table import Peer, Row, told

from worker_runtime.local.stage.names import local_name
from worker_runtime.local.stage.parts.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BENCH: Final = Path(__file__).parent
SENDERS: Final = 4
WORKER: Final = '''
from worker_runtime import {source}, Stack, worker


@worker({declared}, stack=Stack("bench"))
def work(body: dict) -> None:
    """Do nothing."""
'''
ENTRY_POINTS: Final = """
[worker_runtime.workers]
bench.work = bench_things.work:work
[worker_runtime.plugins]
bench = bench_things.plugin
"""


class Backlog(NamedTuple):
    """Records of one kind of source that wait: their worker's declaration, who puts them, boto3's loop."""

    path: str
    source: str
    declared: str
    put: Callable[[str, int], None]
    peer: str


def rows(*, messages: int = 10_000, records: int = 50_000) -> Iterator[Row]:
    """Work off both backlogs in processes and in the stage's own; yield a row each, seconds."""
    queue = Backlog("SQS", "Sqs", 'Sqs("orders", dead_letters="orders-dlq")', send, "boto3_queue")
    stream = Backlog(
        "Kinesis",
        "Kinesis",
        'Kinesis("readings", dead_letters="readings-dlq", start="TRIM_HORIZON")',
        put_records,
        "boto3_stream",
    )
    for backlog, size in ((queue, messages), (stream, records)):
        peer = Peer("boto3 loop", run(backlog, backlog.peer, size)["took_s"])
        for mode, where in (("processes", "in processes"), ("in_process", "in-process")):
            took = run(backlog, mode, size)
            yield Row(
                f"stage, {backlog.path}, {size:,} records, {where}",
                took["took_s"],
                (peer,),
                unit="s",
                remark=_told(took),
            )


def run(backlog: Backlog, mode: str, size: int) -> dict[str, Any]:
    """Fill an emulator and run one stage, or one peer, over what waits there."""
    with _surroundings(backlog) as (endpoint_url, environment):
        _apart("prepare", endpoint_url, 0, environment)
        backlog.put(endpoint_url, size)
        took: dict[str, Any] = json.loads(_apart(mode, endpoint_url, size, environment).splitlines()[-1])
        return took


@contextmanager
def _surroundings(backlog: Backlog) -> Iterator[tuple[str, dict[str, str]]]:
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site")
        _install(site, WORKER.format(source=backlog.source, declared=backlog.declared))
        with Emulator(Path(folder, "emulator")) as emulator:
            path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
            yield emulator.endpoint_url, {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": path}


def _install(site: Path, worker: str) -> None:
    files = {
        "bench_things/__init__.py": "",
        "bench_things/plugin.py": "WORKER_API = (1, 0)\n",
        "bench_things/work.py": worker,
        "workers_bench-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: workers-bench\nVersion: 1\n",
        "workers_bench-1.dist-info/entry_points.txt": ENTRY_POINTS,
    }
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text, encoding="utf-8")


def _apart(mode: str, endpoint_url: str, size: int, environment: dict[str, str]) -> str:
    ran = subprocess.run(  # noqa: S603 - our own file
        [sys.executable, str(BENCH / "_stage_run.py"), mode, endpoint_url, str(size)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(f"{mode}: {ran.stdout}{ran.stderr}")
    return ran.stdout


def send(endpoint_url: str, messages: int) -> None:
    """Put messages into the queue, ten a call."""
    sqs = _client("sqs", endpoint_url)
    url = sqs.get_queue_url(QueueName=local_name("orders"))["QueueUrl"]

    def send_ten(ats: range) -> None:
        entries = [{"Id": str(at), "MessageBody": json.dumps(order(at))} for at in ats]
        assert not sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")

    _each(send_ten, messages, at_once=10)


def put_records(endpoint_url: str, records: int) -> None:
    """Put records into the stream, 500 a call, of a thousand partition keys."""
    kinesis = _client("kinesis", endpoint_url)

    def put_500(ats: range) -> None:
        entries = [{"Data": json.dumps(order(at)).encode(), "PartitionKey": str(at % 1000)} for at in ats]
        answer = kinesis.put_records(StreamName=local_name("readings"), Records=entries)
        assert not answer["FailedRecordCount"]

    _each(put_500, records, at_once=500)


def _each(put: Callable[[range], None], size: int, *, at_once: int) -> None:
    parts = (range(start, min(start + at_once, size)) for start in range(0, size, at_once))
    with ThreadPoolExecutor(SENDERS) as senders:
        list(senders.map(put, parts))


def _client(service: str, endpoint_url: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]  # the stubs want a literal
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(max_pool_connections=SENDERS),
    )


def _told(took: dict[str, Any]) -> str:
    rate = f"{took['records'] / took['took_s']:,.0f} records/s in {took['invocations']:,} invocations"
    return f"{rate}, the stage's own CPU {took['cpu_s']:.1f} s, peak {took['peak_mb']:.0f} MB"


def main(arguments: Iterable[str]) -> None:
    sizes = [int(each) for each in arguments]
    sys.stdout.write(f"{told(rows(**dict(zip(('messages', 'records'), sizes, strict=False))))}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
