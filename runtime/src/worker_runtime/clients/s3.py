"""Objects put into S3: what is too large for a message (dead-letter spill)."""

from __future__ import annotations

from worker_runtime.clients import aws


def put(bucket: str, *, key: str, body: bytes, content_type: str = "application/octet-stream") -> None:
    """Store ``body`` under ``key``; what fails is raised as a verdict."""
    with aws.verdicts("s3", of=bucket):
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)
