"""One stage in a process of its own, so that its peak memory is its own: what ``stage_rates`` runs."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from worker_runtime.local.stage.names import local_name
from worker_runtime.local.stage.stage import Stage, StageOptions

if TYPE_CHECKING:
    from collections.abc import Callable

STACK = "bench"
IDLE_WITHIN_S = 240.0


def options(endpoint_url: str, *, in_process: bool) -> StageOptions:
    return StageOptions(stacks=(STACK,), in_process=in_process, endpoint_url=endpoint_url)


def prepare(endpoint_url: str, _records: int) -> None:
    """Make the queue and the stream, and work nothing off."""
    with Stage(options(endpoint_url, in_process=True)):
        pass


def processes(endpoint_url: str, records: int) -> None:
    """Work the backlog off in worker processes."""
    _work_off(endpoint_url, records, in_process=False)


def in_process(endpoint_url: str, records: int) -> None:
    """Work the backlog off in this process."""
    _work_off(endpoint_url, records, in_process=True)


def _work_off(endpoint_url: str, records: int, *, in_process: bool) -> None:
    with Stage(options(endpoint_url, in_process=in_process)) as stage:
        began, cpu_began, before = time.monotonic(), time.process_time(), _taken(stage)
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)
        took_s, cpu_s = time.monotonic() - began, time.process_time() - cpu_began
        counts = [each for each in stage.workers().values() if each.records]
    assert [each.records for each in counts] == [records], f"handed over otherwise than once: {counts}"
    _tell(took_s=took_s, cpu_s=cpu_s, records=records - before, invocations=counts[0].invocations)


def _taken(stage: Stage) -> int:
    return sum(each.records for each in stage.workers().values())


def boto3_queue(endpoint_url: str, records: int) -> None:
    """Receive and delete messages in a plain loop: the emulator's own share, and nothing done with them."""
    sqs = boto3.client("sqs", endpoint_url=endpoint_url)
    url = sqs.get_queue_url(QueueName=local_name("orders"))["QueueUrl"]
    began, cpu_began, taken = time.monotonic(), time.process_time(), 0
    while taken < records:
        messages = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
        )["Messages"]
        entries = [
            {"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]} for at, each in enumerate(messages)
        ]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]  # a dict is one
        taken += len(messages)
    _tell(
        took_s=time.monotonic() - began,
        cpu_s=time.process_time() - cpu_began,
        records=taken,
        invocations=taken // 10,
    )


def boto3_stream(endpoint_url: str, records: int) -> None:
    """Read a stream's shards one after the other in a plain loop."""
    kinesis = boto3.client("kinesis", endpoint_url=endpoint_url)
    name = local_name("readings")
    began, cpu_began, taken, calls = time.monotonic(), time.process_time(), 0, 0
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while (page := kinesis.get_records(ShardIterator=iterator))["Records"]:
            taken, calls, iterator = taken + len(page["Records"]), calls + 1, page["NextShardIterator"]
    assert taken == records, f"read {taken} of {records}"
    _tell(
        took_s=time.monotonic() - began,
        cpu_s=time.process_time() - cpu_began,
        records=taken,
        invocations=calls,
    )


def _tell(**took: float) -> None:
    sys.stdout.write(json.dumps({**took, "peak_mb": _peak_mb()}) + "\n")


def _peak_mb() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2  # macOS counts bytes
    lines = status.read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


RUNS: dict[str, Callable[[str, int], None]] = {
    each.__name__: each for each in (prepare, processes, in_process, boto3_queue, boto3_stream)
}

if __name__ == "__main__":
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1")
    RUNS[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
