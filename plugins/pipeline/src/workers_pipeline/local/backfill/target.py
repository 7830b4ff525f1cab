"""Where a backfill goes: the warehouse's bucket and the queue of dead letters, as variables name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from worker_runtime.local.endpoint import asked_of
from workers_pipeline.local.cli.offered import BUCKET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

QUEUE_URL: Final = "DELIVERY_WORKER_DLQ_QUEUE_URL"


class Target(Struct, frozen=True):
    """A bucket, the URL or region where it is, and a queue by its URL."""

    bucket: str
    at: str
    queue_url: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Target:
        """Read it from variables that are set."""
        at = environ.get("AWS_ENDPOINT_URL") or f"AWS in {environ['AWS_REGION']}"
        return cls(environ[BUCKET], at, environ[QUEUE_URL])

    @property
    def place(self) -> str:
        """The bucket in words."""
        return f"the bucket {self.bucket} at {self.at}"

    @property
    def queue(self) -> str:
        """The queue's name."""
        return self.queue_url.rstrip("/").rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.place}, dead letters to the queue {self.queue}"

    def look(self, aws: Callable[[str], Any]) -> None:
        """See that both are there and let us look, and change nothing; raises AwsRefused."""
        with asked_of(self.place, cure=f"is {BUCKET} right, and may we look at it?"):
            aws("s3").head_bucket(Bucket=self.bucket)
        with asked_of(
            f"the queue {self.queue} at {self.at}", cure=f"is {QUEUE_URL} right, and may we look at it?"
        ):
            aws("sqs").get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["QueueArn"])
