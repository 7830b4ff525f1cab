"""What is delivered again, and who does so: exports as DynamoDB writes them, recordings, the command."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from hashlib import md5
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from worker_runtime.clients import aws
from worker_runtime.dynamodb_json import dumps_item

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from buckets import Bucket
    from command import Done, Workers

EXPORT_ID = "01772366400000-2d8752fd"
TAKEN_AT = "2026-03-01T12:00:00.123Z"
TAKEN_AT_MS = 1_772_366_400_123
HEAD = {
    "kind": "recording",
    "format": "worker-runtime/recording",
    "version": 1,
    "at": 1.0,
    "wall": 1.0,
    "origin": "stage",
    "inClear": True,
}
"""The first line of a recording."""


class Export:
    """An export in a folder; files are added as DynamoDB names them, and ``written`` writes the manifests."""

    def __init__(self, folder: Path, *, export_id: str = EXPORT_ID, incremental: bool = False) -> None:
        above = folder / "AWSDynamoDB"
        self.folder = above / export_id
        self.data = (above if incremental else self.folder) / "data"
        self.export_id = export_id
        self._incremental = incremental
        self._listed: list[dict[str, Any]] = []
        self.data.mkdir(parents=True)
        self.folder.mkdir(exist_ok=True)

    def add(self, name: str, lines: Iterable[str | bytes], *, packed: bool = True) -> Path:
        """Write a data file of these lines."""
        texts = [line if isinstance(line, bytes) else line.encode() for line in lines]
        held = b"".join(text + b"\n" for text in texts)
        path = self.data / f"{name}.json{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(held, mtime=0) if packed else held)
        key = path.relative_to(self.folder.parents[1])
        checksum = b64encode(md5(path.read_bytes(), usedforsecurity=False).digest()).decode()
        self._listed.append(
            {"itemCount": len(texts), "md5Checksum": checksum, "etag": "e-1", "dataFileS3Key": str(key)}
        )
        return path

    def written(self, **changed: Any) -> Path:
        """Write the manifests, and return the folder."""
        arn = f"arn:aws:dynamodb:us-east-1:123456789012:table/demand-table/export/{self.export_id}"
        summary = {
            "version": "2023-08-01" if self._incremental else "2020-06-30",
            "exportArn": arn,
            "startTime": "2026-03-01T12:00:01.000Z",
            "endTime": "2026-03-01T12:05:00.000Z",
            "tableArn": arn.partition("/export")[0],
            "s3Bucket": "exports",
            "manifestFilesS3Key": f"AWSDynamoDB/{self.export_id}/manifest-files.json",
            "billedSizeBytes": 0,
            "itemCount": sum(each["itemCount"] for each in self._listed),
            "outputFormat": "DYNAMODB_JSON",
        }
        if self._incremental:
            summary |= {"exportType": "INCREMENTAL_EXPORT", "outputView": "NEW_AND_OLD_IMAGES"}
        else:
            summary |= {"exportType": "FULL_EXPORT", "exportTime": TAKEN_AT}
        (self.folder / "manifest-summary.json").write_text(json.dumps(summary | changed))
        (self.folder / "manifest-files.json").write_text(
            "".join(f"{json.dumps(each)}\n" for each in self._listed)
        )
        return self.folder

    def put_into(self, bucket: Bucket, *, prefix: str) -> None:
        """Put all of it into a bucket."""
        above = self.folder.parents[1]
        for path in (each for each in self.folder.parent.rglob("*") if each.is_file()):
            key = f"{prefix}/{path.relative_to(above)}"
            aws.client("s3").put_object(Bucket=bucket.name, Key=key, Body=path.read_bytes())


def item_line(item: Mapping[str, Any]) -> str:
    """Word an item as a full export does."""
    return json.dumps({"Item": dumps_item(item)})


def change_line(
    new: Mapping[str, Any] | None = None, *, old: Mapping[str, Any] | None = None, at_us: int
) -> str:
    """Word what became of an item as an incremental export does."""
    item = new or old or {}
    said: dict[str, Any] = {
        "Metadata": {"WriteTimestampMicros": {"N": str(at_us)}},
        "Keys": dumps_item({name: item[name] for name in ("PK", "SK")}),
    }
    said |= {name: dumps_item(each) for name, each in (("NewImage", new), ("OldImage", old)) if each}
    return json.dumps(said)


def recorded(event: Any, *, worker: str | None = "pipeline.deliveryWorker", **more: Any) -> dict[str, Any]:
    """Tell of an event as a recording does."""
    return {"kind": "event", "at": 1.0, "wall": 1.0, "worker": worker, "event": event, **more}


class Backfiller:
    """Runs ``workers pipeline backfill`` in ``home``, with a bucket, a queue and a salt of its own."""

    def __init__(self, workers: Workers, bucket: Bucket, *, endpoint_url: str) -> None:
        self.workers = workers
        self.home = workers.home
        self.bucket = bucket
        name = uuid4().hex[:8]
        aws.client("secretsmanager").create_secret(Name=f"hashes-{name}", SecretString='{"salt": "pepper"}')
        queue = aws.client("sqs").create_queue(QueueName=f"delivery-worker-dlq-{name}")
        self.queue_url: str = queue["QueueUrl"]
        self.environment = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": endpoint_url,
            "DEMAND_CAPTURE_BUCKET": bucket.name,
            "DELIVERY_DEAD_LETTERS_BUCKET": f"{bucket.name}-letters",
            "PIPELINE_HASHES_SECRET_ID": f"hashes-{name}",
            "DELIVERY_WORKER_DLQ_QUEUE_URL": self.queue_url,
        }

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None, **given: Any) -> Done:
        """Run it."""
        return self.workers(
            "pipeline", "backfill", *arguments, env={**self.environment, **(env or {})}, **given
        )

    def letters(self) -> list[dict[str, Any]]:
        """Take the dead letters out of their queue."""
        sqs = aws.client("sqs")
        taken: list[dict[str, Any]] = []
        while messages := sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for each in messages:
                taken.append(json.loads(each["Body"]))
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=each["ReceiptHandle"])
        return taken


def json_lines(values: Sequence[Any]) -> str:
    """Write values, a line each."""
    return "".join(f"{json.dumps(each)}\n" for each in values)
