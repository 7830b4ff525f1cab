"""Messages of topics: as a function gets them, and as a queue does where delivery is not raw."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from worker_runtime import clock
from worker_runtime.events.places import ACCOUNT, REGION, moment_text

if TYPE_CHECKING:
    from collections.abc import Mapping


def notification(
    sent: Any,
    *,
    at: int = 0,
    topic: str = "topic",
    subject: str | None = None,
    attributes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Build what SNS puts around a message; one that is no text becomes JSON. A body for ``message``."""
    told = {
        "Type": "Notification",
        "MessageId": str(UUID(int=at, version=4)),
        "TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:{topic}",
        "Message": sent if isinstance(sent, str) else json.dumps(sent),
        "Timestamp": moment_text(clock.now()),
        "SignatureVersion": "1",
        "Signature": "none",
        "SigningCertURL": "https://sns.invalid/cert.pem",
        "UnsubscribeURL": "https://sns.invalid/unsubscribe",
    }
    if subject is not None:
        told["Subject"] = subject
    if not attributes:
        return told
    return {
        **told,
        "MessageAttributes": {name: {"Type": "String", "Value": text} for name, text in attributes.items()},
    }


def sns_event(
    *sent: Any,
    topic: str = "topic",
    subject: str | None = None,
    attributes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Build the event of a topic, one record a message."""
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:{topic}:{UUID(int=0, version=4)}",
                "Sns": notification(each, at=at, topic=topic, subject=subject, attributes=attributes),
            }
            for at, each in enumerate(sent)
        ]
    }
