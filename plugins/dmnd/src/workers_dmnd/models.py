"""What our own table, queue and streams carry, as far as the workers read it; camelCase on the wire."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


Name = Annotated[str, Meta(max_length=256)]
"""What the SMS service calls a message by."""


class NamedStatus(Struct, frozen=True):
    """A status whose words are others' to choose."""

    id: str


class Event(Struct, frozen=True, rename="camel"):
    """An event of the demand table, and its short link once it has one."""

    id: str
    url: str
    is_suppressed: bool
    short_url: str | None = None
    name: str = ""
    status: NamedStatus = NamedStatus("ACTIVE")
    starts_at: str | None = None
    timezone: str | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether it will not take place."""
        return self.status.id.upper() == "CANCELLED"


class EventReference(Struct, frozen=True):
    """An event by its id."""

    id: str


class ShortUrlMessage(Struct, frozen=True):
    """Ask for an event's short link; the queue's format, as other producers write it too."""

    data: EventReference
    id: str

    @classmethod
    def of(cls, event_id: str) -> ShortUrlMessage:
        """Make the message for an event."""
        return cls(data=EventReference(event_id), id=event_id)


GenerationState = Literal["NONE", "DUE", "RUNNING", "DONE", "FAILED"]


class Generation(Struct, frozen=True, rename="camel"):
    """How far a sale's notifications are generated, and who is at it.

    ``shard`` and ``cursor`` say behind which fan the pass goes on, ``written`` how many notifications
    all passes made, ``skipped`` how many the latest found made; ``passes`` counts those that began.
    ``first_look`` is which of them is, or will be, the first that goes over all fans once it is time to
    tell them, where that is not the very first.
    """

    id: GenerationState = "NONE"
    shard: int = 0
    cursor: str | None = None
    written: int = 0
    skipped: int = 0
    passes: int = 0
    first_look: int | None = None
    lease_owner: str | None = None
    lease_until: str | None = None
    error: str | None = None


class Sale(Struct, frozen=True, rename="camel"):
    """A sale of an event whose fans are to be told of it."""

    sale_id: str
    event_id: str
    name: str
    notify_at: str
    template_id: str
    status: NamedStatus
    generation: Generation = Generation()
    campaign_id: str | None = None
    closes_at: str | None = None
    expires_at: str | None = None
    due_at: str | None = field(default=None, name="GSI1SK")
    """When its notifications are to be generated, or looked over again: its place in the index."""
    version: int | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody is to be told of it."""
        return self.status.id.upper() == "CANCELLED"


class Demand(Struct, frozen=True, rename="camel"):
    """What a fan wants of a sale, and how to reach them."""

    user_id: str
    event_id: str
    sale_id: str
    notify: bool = False
    opt_out: bool = False
    phone: str | None = None
    locale: str = "en-US"


class Audience(Struct, frozen=True, rename="camel"):
    """Whom a campaign speaks to; what it leaves out speaks to all."""

    locales: tuple[str, ...] | None = None


class Campaign(Struct, frozen=True, rename="camel"):
    """A campaign as the Campaign Service gives it, as far as notifications go by it."""

    campaign_id: str
    name: str = ""
    audience: Audience = Audience()


class GeneratorInput(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Generate one sale's notifications now; without ids, those of all sales that are due.

    ``correlation_id`` is the runtime's to read: whoever asks names the logs by it.
    """

    event_id: Id | None = None
    sale_id: Id | None = None
    correlation_id: str | None = None

    def __post_init__(self) -> None:
        if (self.event_id is None) != (self.sale_id is None):
            raise ValueError("eventId and saleId go together; give both or none")


class Status(StrEnum):
    """Where a notification is in its life; see ``transitions``."""

    PENDING = "PENDING"
    CREATED = "CREATED"
    RETRY = "RETRY"
    SENDING = "SENDING"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    SUPPRESSED = "SUPPRESSED"

    @classmethod
    def _missing_(cls, value: object) -> Status | None:
        """Read the words of older writers, which are in lower case."""
        if value == LEGACY_CREATED:
            return cls.CREATED
        upper = str(value).upper()
        return cls(upper) if upper != value and upper in cls.__members__ else None


LEGACY_CREATED: Final = "scheduled"


class NotificationStatus(Struct, frozen=True):
    """A notification's status: since when, by whose hand and why."""

    id: Status
    at: str | None = None
    by: str | None = None
    reason: str | None = None


class Notification(Struct, frozen=True, kw_only=True, rename="camel"):
    """One message to one fan, from its generation to its receipt; times are ISO 8601 in UTC."""

    notification_id: str
    user_id: str
    event_id: str
    to: str
    template_id: str
    send_at: str
    status: NotificationStatus
    type: str = "notification"
    sale_id: str | None = None
    vars: dict[str, str] = {}
    locale: str = "en-US"
    expires_at: str | None = None
    attempts: int = 0
    epoch: int = 0
    resume: bool = False
    lease_until: str | None = None
    client_message_id: str | None = None
    message_id: str | None = None
    sent_at: str | None = None
    delivered_at: str | None = None
    last_error: str | None = None
    version: int | None = None
    ttl: int | None = None


class Pointer(Struct, frozen=True, rename="camel"):
    """Which notification, and which sending of it, a message of the SMS service is."""

    message_id: str
    notification_id: str
    client_message_id: str


class SmsStatus(Struct, frozen=True, rename="camel"):
    """A delivery receipt of the SMS service; ``timestamp`` is ISO 8601 or an epoch, see ``weight``."""

    message_id: Annotated[Name, Meta(min_length=1)]
    status: Literal["queued", "sent", "delivered", "undelivered", "failed"]
    timestamp: str | int | float
    client_message_id: Name | None = None
    error_code: str | None = None


def plain_item(model: Struct) -> dict[str, Any]:
    """Write a model as the attributes of an item; what it does not have is left out, in its maps too."""
    import msgspec  # noqa: PLC0415 - a module of msgspec that only writers need

    return _without_nulls(msgspec.to_builtins(model))


def _without_nulls(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_nulls(value) if isinstance(value, dict) else value
        for name, value in attributes.items()
        if value is not None
    }
