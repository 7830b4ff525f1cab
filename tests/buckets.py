"""A bucket in an emulated S3, and the weather on the way there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.clients import aws

if TYPE_CHECKING:
    from worker_runtime.local.stage.parts.http_wire import WireMessage


class Weather:
    """Decides about each file that is put: S3 takes ``takes`` more, and no others until it is fair."""

    def __init__(self) -> None:
        self.takes: int | None = None
        self.code, self.status = "SlowDown", 503

    def fair(self) -> None:
        """Let S3 take all."""
        self.takes = None

    def __call__(self, message: WireMessage) -> bytes | None:
        """Answer a request with an error; None lets it pass."""
        if self.takes is None or message.start[0] != "PUT":
            return None
        self.takes -= 1
        return None if self.takes >= 0 else self._refusal()

    def _refusal(self) -> bytes:
        body = f"<Error><Code>{self.code}</Code><Message>no</Message></Error>".encode()
        lines = [f"HTTP/1.1 {self.status} -", "Content-Type: application/xml", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body


class Bucket:
    """A bucket, and what is in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        aws.client("s3").create_bucket(Bucket=name)

    def objects(self) -> dict[str, bytes]:
        """Read all objects."""
        s3 = aws.client("s3")
        listed = s3.list_objects_v2(Bucket=self.name).get("Contents", [])
        return {
            each["Key"]: s3.get_object(Bucket=self.name, Key=each["Key"])["Body"].read() for each in listed
        }
