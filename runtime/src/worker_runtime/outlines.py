"""What an event is, by its shape alone, for the refusal of one that no source of a worker takes.

Its content may be personal, so none of it is said.
"""

from __future__ import annotations

from typing import Any, Final

Path = tuple[str, ...]

WELL_KNOWN: Final[tuple[tuple[str, tuple[Path, ...]], ...]] = (
    ("a load balancer's request", (("requestContext", "elb"),)),
    ("a WebSocket's message", (("requestContext", "connectionId"),)),
    ("a question of an authorizer's", (("authorizationToken",),)),
    ("a question of an authorizer's", (("methodArn",),)),
    ("a question of an authorizer's", (("routeArn",),)),
    ("a request of API Gateway's, or of a function URL", (("requestContext", "apiId"), ("isBase64Encoded",))),
    ("VPC Lattice's request", (("requestContext", "serviceArn"),)),
    ("VPC Lattice's request", (("raw_path",), ("is_base64_encoded",))),
    ("AppSync's request of a field", (("arguments",), ("info", "fieldName"))),
    ("an event of EventBridge's", (("detail-type",), ("detail",))),
    ("a batch of Firehose's", (("deliveryStreamArn",), ("records",))),
    ("a test event of S3's", (("Service",), ("Bucket",), ("Event",))),
    ("a batch of log lines from CloudWatch", (("awslogs", "data"),)),
    ("an alarm of CloudWatch's", (("alarmArn",), ("alarmData",))),
    ("a Cognito trigger", (("triggerSource",), ("userPoolId",))),
    ("CloudFormation's request of a custom resource", (("ResponseURL",), ("RequestType",))),
    ("a job of CodePipeline's", (("CodePipeline.job",),)),
    ("a rule of Config's", (("configRuleName",), ("invokingEvent",))),
    ("a secret's rotation", (("SecretId",), ("ClientRequestToken",))),
    ("a job of S3 Batch Operations", (("job",), ("tasks",))),
    ("S3 Object Lambda's request", (("getObjectContext",),)),
    ("a Bedrock agent's request", (("actionGroup",), ("agent",))),
)
"""What has all of these keys, each one's path from the outside in; the first that fits is said."""


def outline(event: Any) -> str:
    """Say what an event is: a service's, a batch of some source, else which keys it has."""
    if not isinstance(event, dict):
        return "nothing" if event is None else f"a JSON {type(event).__name__}"
    records = event.get("Records")
    if isinstance(records, list) and records and isinstance(records[0], dict):
        if "cf" in records[0]:
            return "CloudFront's request"
        return f"a batch of {records[0].get('eventSource') or records[0].get('EventSource')!r}"
    if "eventSource" in event:
        return f"a batch of {event['eventSource']!r}"
    for name, paths in WELL_KNOWN:
        if all(_has(event, path) for path in paths):
            return name
    return f"an object with the keys {sorted(map(str, event))[:8]}" if event else "an empty object"


def _has(event: Any, path: Path) -> bool:
    for key in path:
        if not isinstance(event, dict) or key not in event:
            return False
        event = event[key]
    return True
