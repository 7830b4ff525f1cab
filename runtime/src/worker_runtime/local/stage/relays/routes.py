"""Makes topics, buckets and rules, and leads what they send into the relays of the workers' sources.

Through AWS's own APIs, as Terraform does in an environment; what exists is taken over.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from worker_runtime.local.stage.names import local_name
from worker_runtime.local.stage.provisioning import queue_arn
from worker_runtime.sources.event_bridge import EventBridge
from worker_runtime.sources.s3 import S3
from worker_runtime.sources.sns import Sns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from worker_runtime.local.stage.names import Names
    from worker_runtime.workers import Declaration

RETENTION_S: Final = "1209600"  # SQS's longest: a stage may be taken up again days later
NAME_CHARS: Final = 80  # CreateQueue, QueueName
ID_CHARS: Final = 64  # PutTargets, Id
DEFAULT_BUS: Final = "default"


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay, and the source of a worker that it serves."""

    name: str
    source: Sns | S3 | EventBridge

    @property
    def short(self) -> str:
        """Its name within what targets and notifications take as an id."""
        return self.name[-ID_CHARS:]


@dataclass(frozen=True, slots=True)
class _Place:
    names: Names
    aws: Callable[[str], Any]


def relay_name(worker_id: str, source: Sns | S3 | EventBridge) -> str:
    """Name the relay of a worker's source, within SQS's bounds."""
    said = f"{source.kind}-{source.name}-to-{worker_id}".replace(".", "-")
    if len(local_name(said)) <= NAME_CHARS:
        return said
    return f"{said[:40]}-{sha256(said.encode()).hexdigest()[:16]}"


def lead_events(declarations: Mapping[str, Declaration], *, names: Names, aws: Callable[[str], Any]) -> None:
    """Lead what each source's topic, bucket or rule sends into its relay, and enter their names."""
    relays = [
        Relay(relay_name(worker_id, source), source)
        for worker_id, declaration in declarations.items()
        for source in declaration.sources
        if isinstance(source, Sns | S3 | EventBridge)
    ]
    place = _Place(names, aws)
    for relay in relays:
        _queue(relay, place)
        match relay.source:
            case Sns():
                _subscribe(relay, relay.source, place)
            case EventBridge():
                _aim(relay, relay.source, place)
    _notify(relays, place)


def _queue(relay: Relay, place: _Place) -> None:
    made = place.aws("sqs").create_queue(
        QueueName=local_name(relay.name), Attributes={"MessageRetentionPeriod": RETENTION_S}
    )
    place.names.add("relay", relay.name, made["QueueUrl"])


def _arn(relay: Relay, place: _Place) -> str:
    return queue_arn(place.aws("sqs"), place.names.named("relay", relay.name))


def _subscribe(relay: Relay, source: Sns, place: _Place) -> None:
    """Subscribe without the filter policy, which the relay's form asks: only it matches as SNS does."""
    sns = place.aws("sns")
    topic_arn = sns.create_topic(Name=local_name(source.topic))["TopicArn"]
    place.names.add("topic", source.topic, topic_arn)
    subscribed = sns.subscribe(
        TopicArn=topic_arn, Protocol="sqs", Endpoint=_arn(relay, place), ReturnSubscriptionArn=True
    )
    place.names.add("subscription", relay.name, subscribed["SubscriptionArn"])


def _aim(relay: Relay, source: EventBridge, place: _Place) -> None:
    """Set up a rule with the pattern: the emulator matches as EventBridge was recorded to."""
    events, rule = place.aws("events"), local_name(source.rule)
    bus = DEFAULT_BUS
    if source.bus not in (None, DEFAULT_BUS):
        bus = local_name(source.bus)
        _make_bus(bus, events)
        place.names.add("bus", source.bus, bus)
    pattern = json.dumps(source.pattern)
    events.put_rule(Name=rule, EventBusName=bus, EventPattern=pattern, State="ENABLED")
    events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": relay.short, "Arn": _arn(relay, place)}])


def _make_bus(name: str, events: Any) -> None:
    try:
        events.create_event_bus(Name=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise


def _notify(relays: Iterable[Relay], place: _Place) -> None:
    """Set up each bucket's notifications at once: S3 takes them whole.

    Where somebody listens on the default bus, the buckets send their events there as well.
    """
    sources = [relay.source for relay in relays]
    listens = any(isinstance(each, EventBridge) and each.bus in (None, DEFAULT_BUS) for each in sources)
    configurations: dict[str, dict[str, Any]] = {}
    if listens:
        configurations = {bucket: {"EventBridgeConfiguration": {}} for bucket in place.names.of("bucket")}
    for relay in relays:
        if isinstance(relay.source, S3):
            own = configurations.setdefault(relay.source.bucket, {})
            own.setdefault("QueueConfigurations", []).append(_configuration(relay, relay.source, place))
    for bucket, configuration in configurations.items():
        place.aws("s3").put_bucket_notification_configuration(
            Bucket=place.names.named("bucket", bucket), NotificationConfiguration=configuration
        )


def _configuration(relay: Relay, source: S3, place: _Place) -> dict[str, Any]:
    rules = [
        {"Name": name, "Value": value}
        for name, value in (("prefix", source.prefix), ("suffix", source.suffix))
        if value is not None
    ]
    return {
        "Id": relay.short,
        "QueueArn": _arn(relay, place),
        "Events": [f"s3:{event}" for event in source.events],
        **({"Filter": {"Key": {"FilterRules": rules}}} if rules else {}),
    }
