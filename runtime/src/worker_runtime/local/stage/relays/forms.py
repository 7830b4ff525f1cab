"""Makes a relay's messages the events that Lambda hands over; None where it would hand over none.

The emulator's times are the machine's, workers of a stage live on its clock. What it leaves out or words
otherwise than AWS is put right here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from worker_runtime.filters import compile_policy
from worker_runtime.local.stage.polling.stage_time import stage_time
from worker_runtime.local.stage.polling.staged_records import staged
from worker_runtime.sources.event_bridge import EventBridge
from worker_runtime.sources.s3 import S3
from worker_runtime.sources.s3_record import is_test
from worker_runtime.sources.sns import Sns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.clock import Clock
    from worker_runtime.filters import Explanation, Policy
    from worker_runtime.local.stage.names import Names
    from worker_runtime.local.stage.polling.staged_records import StagedRecord

_UNSUBSCRIBE = "https://sns.{region}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={arn}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Records that the worker is not to hear of; ``filters`` says why."""

    records: tuple[StagedRecord, ...]
    filters: PolicyFilter


@dataclass(frozen=True, slots=True)
class PolicyFilter:
    """A filter policy, asked of records as Lambda has them."""

    policy: Policy

    def takes(self, raw: Mapping[str, Any]) -> bool:
        """Tell whether SNS delivers this notification."""
        return self.policy.takes(raw["Sns"]["Message"], raw["Sns"]["MessageAttributes"])

    def explain(self, raw: Mapping[str, Any]) -> Explanation:
        """Say why it does, or does not."""
        return self.policy.explain(raw["Sns"]["Message"], raw["Sns"]["MessageAttributes"])


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicForm:
    """Events of a subscription; the policy is asked here, since the emulator's matcher is not SNS's."""

    subscription_arn: str
    filters: PolicyFilter
    clock: Clock

    def event(self, text: str) -> Any | None:
        """Shape a notification."""
        told = json.loads(text)
        region = self.subscription_arn.split(":")[3]
        notification = {
            "Type": "Notification",
            "MessageId": told["MessageId"],
            "TopicArn": told["TopicArn"],
            "Subject": told.get("Subject"),
            "Message": told["Message"],
            "Timestamp": _staged(told["Timestamp"], clock=self.clock, spec="milliseconds"),
            "SignatureVersion": told["SignatureVersion"],
            "Signature": told["Signature"],
            "SigningCertUrl": told["SigningCertURL"],
            "UnsubscribeUrl": _UNSUBSCRIBE.format(region=region, arn=self.subscription_arn),
            "MessageAttributes": told.get("MessageAttributes", {}),
        }
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": self.subscription_arn,
            "Sns": notification,
        }
        return {"Records": [record]}

    def refusal(self, event: Any) -> Refusal | None:
        """Ask the filter policy."""
        (raw,) = event["Records"]
        if self.filters.takes(raw):
            return None
        sent_at = datetime.fromisoformat(raw["Sns"]["Timestamp"]).timestamp()
        return Refusal((staged(raw["Sns"]["MessageId"], raw, arrived_at=sent_at),), self.filters)


@dataclass(frozen=True, slots=True)
class BucketForm:
    """Events of a bucket's notification."""

    clock: Clock

    def event(self, text: str) -> Any | None:
        """Shape S3's event; None for the test event, which S3 sends to queues and topics only."""
        told = json.loads(text)
        if is_test(told):
            return None
        for record in told["Records"]:
            record["eventTime"] = _staged(record["eventTime"], clock=self.clock, spec="milliseconds")
            if record["eventName"].startswith("ObjectRemoved"):
                _forget_content(record["s3"]["object"], "size", "eTag")
        return told

    def refusal(self, event: Any) -> Refusal | None:  # noqa: ARG002 - the protocol's
        """Refuse nothing: S3 itself asked the notification's filter."""
        return None


@dataclass(frozen=True, slots=True)
class RuleForm:
    """Events that a rule matches."""

    clock: Clock

    def event(self, text: str) -> Any | None:
        """Shape an event of EventBridge's."""
        told = json.loads(text)
        told["time"] = _staged(told["time"], clock=self.clock, spec="seconds")
        if told["source"] == "aws.s3" and told["detail-type"] == "Object Deleted":
            _forget_content(told["detail"]["object"], "size", "etag")
        return told

    def refusal(self, event: Any) -> Refusal | None:  # noqa: ARG002 - the protocol's
        """Refuse nothing: EventBridge itself asked the pattern."""
        return None


RelayForm = TopicForm | BucketForm | RuleForm


def form_of(source: Sns | S3 | EventBridge, *, relay: str, names: Names, clock: Clock) -> RelayForm:
    """Make what shapes the messages of a source's relay."""
    match source:
        case Sns():
            return TopicForm(
                subscription_arn=names.named("subscription", relay),
                filters=PolicyFilter(
                    compile_policy(source.filter_policy or {}, scope=source.filter_policy_scope)
                ),
                clock=clock,
            )
        case S3():
            return BucketForm(clock)
        case EventBridge():
            return RuleForm(clock)


def _forget_content(thing: dict[str, Any], *names: str) -> None:
    """Drop what S3 does not know of an object that is gone."""
    for name in names:
        thing.pop(name, None)


def _staged(at: str, *, clock: Clock, spec: str) -> str:
    """Tell a time of the emulator's (ISO 8601) on the stage's clock."""
    machine_s = datetime.fromisoformat(at).timestamp()
    told = datetime.fromtimestamp(stage_time(clock, machine_s), tz=UTC).isoformat(timespec=spec)
    return told.replace("+00:00", "Z")
