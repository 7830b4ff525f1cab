"""Notifications of buckets."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

from worker_runtime import clock
from worker_runtime.events.places import ACCOUNT, REGION, moment_text


def s3_event(*keys: str, bucket: str = "bucket", event_name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """Build the event of a bucket in which this has happened to objects of these keys."""
    return {
        "Records": [
            _record(key, bucket=bucket, event_name=event_name, sequencer=f"{at + 1:018X}")
            for at, key in enumerate(keys)
        ]
    }


def s3_test_event(*, bucket: str = "bucket") -> dict[str, Any]:
    """Build what S3 sends when a notification is set up."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": moment_text(clock.now()),
        "Bucket": bucket,
        "RequestId": "C3D13FE58DE4C810",
        "HostId": "host",
    }


def _record(key: str, *, bucket: str, event_name: str, sequencer: str) -> dict[str, Any]:
    kept = {} if "Removed" in event_name else {"size": 1024, "eTag": "0123456789abcdef0123456789abcdef"}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": moment_text(clock.now()),
        "eventName": event_name,
        "userIdentity": {"principalId": ACCOUNT},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "host"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "test",
            "bucket": {
                "name": bucket,
                "ownerIdentity": {"principalId": ACCOUNT},
                "arn": f"arn:aws:s3:::{bucket}",
            },
            "object": {"key": quote_plus(key, safe="/"), **kept, "sequencer": sequencer},
        },
    }
