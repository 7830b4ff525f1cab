"""Topics: a message a record, dead letters out; nothing in the reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from worker_runtime.errors import DeclarationError
from worker_runtime.settings import in_lambda
from worker_runtime.sources import check_names
from worker_runtime.sources.asynchronous import AsyncSource
from worker_runtime.sources.bodies import body_decoder
from worker_runtime.sources.sns_record import notification_of, sns_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker_runtime.records import Record
    from worker_runtime.sources import Shape

_SHAPES: Final[frozenset[Shape]] = frozenset(("each", "record"))


class Subscription(AsyncSource, frozen=True, kw_only=True, rename="camel"):
    """What stands behind a topic's name, by name."""

    filter_policy: Mapping[str, Any] | None = None
    filter_policy_scope: Literal["MessageAttributes", "MessageBody"] = "MessageAttributes"


class Sns(Subscription, frozen=True, rename="camel"):
    """Take the messages of a topic, named without its environment.

    The message is JSON unless the worker takes ``bytes`` or ``str``; what is in an envelope of
    EventBridge's or S3's is taken out. ``filter_policy`` is SNS's, of what ``filter_policy_scope``
    says.
    """

    topic: str

    @property
    def kind(self) -> str:
        """``sns``."""
        return "sns"

    @property
    def name(self) -> str:
        """The topic's logical name."""
        return self.topic

    @property
    def shapes(self) -> frozenset[Shape]:
        """A worker takes the message, or its record."""
        return _SHAPES

    def check(self, *, worker: str, timeout_s: float) -> None:  # noqa: ARG002 - it decides nothing here
        """Refuse settings that AWS refuses, or that lose messages."""
        who = f"{worker}: Sns({self.topic!r})"
        check_names(who, topic=self.topic)
        self.check_settings(who)
        self.check_letters(who)
        if self.topic.endswith(".fifo"):
            raise DeclarationError(
                f"{who} is a FIFO topic, which invokes no function; subscribe a queue to it and say Sqs."
            )
        if not in_lambda():
            from worker_runtime.filters import compile_policy  # noqa: PLC0415 - the subscription carries it there

            compile_policy(self.filter_policy or {}, scope=self.filter_policy_scope)

    def recognises(self, event: Any) -> bool:
        """Whether the event is a topic's."""
        records = event.get("Records") if isinstance(event, dict) else None
        if not isinstance(records, list):
            return False
        return not records or (isinstance(records[0], dict) and records[0].get("EventSource") == "aws:sns")

    def owns(self, event: Any) -> bool:
        """Whether the first message came from this topic."""
        told = [notification_of(record).get("TopicArn") for record in event["Records"][:1]]
        return bool(told) and str(told[0]).endswith(self.topic)

    def records(self, event: Any) -> list[Record[Any]]:
        """One record a message, still text."""
        return [sns_record(raw, at=at) for at, raw in enumerate(event["Records"])]

    def decoder(self, model: Any) -> Callable[[Record[Any]], Any]:
        """Decode the payload, which is JSON unless the worker takes ``bytes`` or ``str``."""
        return body_decoder(model)

    def describe(self, *, timeout_s: int) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """Its settings as plain data, for the manifest: what its subscription is made from."""
        return {"kind": self.kind, "name": self.name, **msgspec.to_builtins(self)}
