"""What S3 says of an object: in its own notifications, and in the events that EventBridge carries for it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal
from urllib.parse import quote, unquote_plus

from msgspec import Meta, Struct, ValidationError, convert

from worker_runtime.errors import Reject, Skip
from worker_runtime.invocation import Invocation
from worker_runtime.records import Record, T, carried_id, moment_of

if TYPE_CHECKING:
    from collections.abc import Mapping

TEST_EVENT: Final = "s3:TestEvent"
NOT_AN_S3_EVENT: Final = "NOT_AN_S3_EVENT"

_Moment = Annotated[datetime, Meta(tz=True)]

_invocation: Final = Invocation()


class S3Object(Struct, frozen=True, kw_only=True):
    """An object in a bucket and what happened to it, whichever way S3 told it.

    ``key`` is the object's name as S3's API takes it. ``event_name`` is S3's, ``ObjectCreated:Put``
    say. Of what was deleted there is no etag and no size; only creations and deletions have a
    ``sequencer``, a hexadecimal number that orders what happened to one key.
    """

    __brought_by__: ClassVar[str] = "S3, Sns, Sqs or EventBridge"
    of_s3: ClassVar[bool] = True

    bucket: str
    key: str
    event_name: str
    region: str
    created_at: datetime
    version_id: str | None = None
    etag: str | None = None
    size: int | None = None
    sequencer: str | None = None

    @property
    def id(self) -> str:
        """The same each time that S3 tells of this; another for whatever else happens to the key."""
        which = self.version_id or self.etag or ""
        when = self.sequencer or self.created_at.isoformat()
        parts = (self.bucket, self.key, which, self.event_name, when)
        return "/".join(quote(part, safe="", errors="surrogatepass") for part in parts)


class _Bucket(Struct):
    name: str


class _Object(Struct, rename="camel"):
    key: str
    e_tag: str | None = None
    size: int | None = None
    version_id: str | None = None
    sequencer: str | None = None


class _Entity(Struct):
    bucket: _Bucket
    object: _Object


class _Notification(Struct, rename="camel"):
    """A record of S3's own events, version 2.x."""

    event_source: Literal["aws:s3"]
    event_name: str
    event_time: _Moment
    aws_region: str
    s3: _Entity


class _CarriedObject(Struct, rename={"version_id": "version-id"}):
    key: str
    etag: str | None = None
    size: int | None = None
    version_id: str | None = None
    sequencer: str | None = None


class _Detail(Struct, rename={"deletion_type": "deletion-type"}):
    bucket: _Bucket
    object: _CarriedObject
    reason: str = ""
    deletion_type: str = ""


class _Carried(Struct, rename={"detail_type": "detail-type"}):
    """An event of EventBridge's that S3 sent."""

    source: Literal["aws.s3"]
    detail_type: str
    time: _Moment
    region: str
    detail: _Detail


class S3Record(Record[T], frozen=True):
    """A record of a bucket's event."""

    @property
    def sent_at(self) -> datetime | None:
        """When S3 had done what it tells of, in UTC."""
        return moment_of(self.raw.get("eventTime")) if isinstance(self.raw, dict) else None

    @property
    def correlation_id(self) -> str:
        """The id of the request that S3 answered, else what the invocation is known by."""
        answered = self.raw.get("responseElements") if isinstance(self.raw, dict) else None
        request_id = answered.get("x-amz-request-id") if isinstance(answered, dict) else None
        return carried_id(request_id) or carried_id(self.id) or _invocation.request_id


def s3_record(raw: Any, *, at: int) -> S3Record[Any]:
    """Open one record of an event; a poison one is named for its place in the invocation."""
    try:
        named = object_of(raw).id
    except (Reject, ValueError):
        named = f"{_invocation.request_id}-{at}"
    return S3Record(named, None, raw)


def is_test(event: Any) -> bool:
    """Whether the event is what S3 sends to try a new notification."""
    return (
        isinstance(event, dict)
        and event.get("Event") == TEST_EVENT
        and isinstance(event.get("Bucket"), str)
        and "Records" not in event
    )


def objects_in(event: Any) -> list[S3Object]:
    """Read the objects of an S3 event, at least one, whichever way it came; Skip for a test event."""
    if isinstance(event, dict):
        if "detail-type" in event:
            return [carried_object(event)]
        if is_test(event):
            raise Skip(TEST_EVENT)
        if isinstance(records := event.get("Records"), list) and records:
            return [object_of(record) for record in records]
    raise Reject(NOT_AN_S3_EVENT, "it has no Records of S3's.")


def object_of(raw: Any) -> S3Object:
    """Read a record of S3's own events, whose keys are URL-encoded; Reject where it is none."""
    told = _read(raw, _Notification)
    thing = told.s3.object
    return S3Object(
        bucket=told.s3.bucket.name,
        key=unquote_plus(thing.key, errors="strict"),
        event_name=told.event_name.removeprefix("s3:"),
        region=told.aws_region,
        created_at=told.event_time,
        version_id=thing.version_id,
        etag=thing.e_tag,
        size=thing.size,
        sequencer=thing.sequencer,
    )


def carried_object(event: Any) -> S3Object:
    """Read an event of EventBridge's that S3 sent, whose keys are plain; Reject where it is none."""
    told = _read(event, _Carried)
    thing = told.detail.object
    return S3Object(
        bucket=told.detail.bucket.name,
        key=thing.key,
        event_name=_event_name(told),
        region=told.region,
        created_at=told.time,
        version_id=thing.version_id,
        etag=thing.etag,
        size=thing.size,
        sequencer=thing.sequencer,
    )


_REASONS: Final[Mapping[str, str]] = {
    "PutObject": "ObjectCreated:Put",
    "POST Object": "ObjectCreated:Post",
    "CopyObject": "ObjectCreated:Copy",
    "CompleteMultipartUpload": "ObjectCreated:CompleteMultipartUpload",
    "DeleteObject": "ObjectRemoved:Delete",
    "Lifecycle Expiration": "LifecycleExpiration:Delete",
}
_TYPES: Final[Mapping[str, str]] = {
    "Object Restore Initiated": "ObjectRestore:Post",
    "Object Restore Completed": "ObjectRestore:Completed",
    "Object Restore Expired": "ObjectRestore:Delete",
    "Object Storage Class Changed": "LifecycleTransition",
    "Object Access Tier Changed": "IntelligentTiering",
    "Object ACL Updated": "ObjectAcl:Put",
    "Object Tags Added": "ObjectTagging:Put",
    "Object Tags Deleted": "ObjectTagging:Delete",
}
"""S3 user guide, "Using EventBridge": what S3's own events call the same."""


def _event_name(told: _Carried) -> str:
    """Say what S3's own events would call it; its type where they have no name for it."""
    if told.detail_type not in ("Object Created", "Object Deleted"):
        return _TYPES.get(told.detail_type, told.detail_type)
    name = _REASONS.get(told.detail.reason, told.detail_type)
    marked = told.detail.deletion_type == "Delete Marker Created"
    return f"{name.partition(':')[0]}:DeleteMarkerCreated" if marked else name


def _read(given: Any, shape: type[Any]) -> Any:
    try:
        return convert(given, shape)
    except ValidationError as error:
        raise Reject(NOT_AN_S3_EVENT, str(error)) from error
