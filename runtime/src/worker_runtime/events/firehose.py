"""Batches of a delivery stream."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from worker_runtime import clock
from worker_runtime.events.places import ACCOUNT, REGION


def firehose_event(*data: Any, stream: str = "stream") -> dict[str, Any]:
    """Build the event of a delivery stream's batch; data that is no bytes becomes JSON."""
    encoded = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in data]
    return {
        "invocationId": "2b4d1ad9-2f48-94bd-a088-767c317e994a",
        "deliveryStreamArn": f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{stream}",
        "region": REGION,
        "records": [
            {
                "recordId": str(at),
                "approximateArrivalTimestamp": int(clock.now() * 1000),
                "data": b64encode(each).decode(),
            }
            for at, each in enumerate(encoded)
        ],
    }
