"""Notifications of buckets: objects in, dead letters out; nothing in the reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker_runtime.errors import DeclarationError, Skip
from worker_runtime.sources import check_names, outer_records
from worker_runtime.sources.asynchronous import AsyncSource
from worker_runtime.sources.s3_record import TEST_EVENT, S3Object, S3Record, is_test, object_of, s3_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.records import Record
    from worker_runtime.sources import Shape

KEY_BYTES: Final = 1_024  # S3 user guide, "Naming Amazon S3 objects"
EVENTS: Final = {
    "IntelligentTiering": (),
    "LifecycleExpiration": ("*", "Delete", "DeleteMarkerCreated"),
    "LifecycleTransition": (),
    "ObjectAcl": ("Put",),
    "ObjectAnnotation": ("*", "Delete", "Put"),
    "ObjectCreated": ("*", "CompleteMultipartUpload", "Copy", "Post", "Put"),
    "ObjectRemoved": ("*", "Delete", "DeleteMarkerCreated"),
    "ObjectRestore": ("*", "Completed", "Delete", "Post"),
    "ObjectRetention": ("Put",),
    "ObjectTagging": ("*", "Delete", "Put"),
    "ReducedRedundancyLostObject": (),
    "Replication": (
        "*",
        "OperationFailedReplication",
        "OperationMissedThreshold",
        "OperationNotTracked",
        "OperationReplicatedAfterThreshold",
    ),
}
"""What a notification can be asked for (PutBucketNotificationConfiguration, Events), less its ``s3:``."""

_SHAPES: Final[frozenset[Shape]] = frozenset(("each", "record"))


class BucketNotification(AsyncSource, frozen=True, kw_only=True, rename="camel"):
    """What stands behind a bucket's name, by name."""

    events: tuple[str, ...] = ("ObjectCreated:*",)
    prefix: str | None = None
    suffix: str | None = None


class S3(BucketNotification, frozen=True, rename="camel"):
    """Take what happens to the objects of a bucket, named without its environment.

    A worker takes ``S3Object``. ``events`` are S3's names of what is to be told, less their ``s3:``;
    ``prefix`` and ``suffix`` say of which keys. S3 may tell the same twice: ``S3Object.id`` says so.
    """

    bucket: str

    @property
    def kind(self) -> str:
        """``s3``."""
        return "s3"

    @property
    def name(self) -> str:
        """The bucket's logical name."""
        return self.bucket

    @property
    def shapes(self) -> frozenset[Shape]:
        """A worker takes the object, or its record."""
        return _SHAPES

    def check(self, *, worker: str, timeout_s: float) -> None:  # noqa: ARG002 - it decides nothing here
        """Refuse settings that AWS refuses, or that lose events."""
        who = f"{worker}: S3({self.bucket!r})"
        check_names(who, bucket=self.bucket)
        self.check_settings(who)
        self.check_letters(who)
        self._check_events(who)
        parts: dict[str, object] = {"prefix": self.prefix, "suffix": self.suffix}
        for what, text in parts.items():
            if text is None:
                continue
            if not isinstance(text, str) or not 0 < len(text.encode()) <= KEY_BYTES:
                raise DeclarationError(f"{who} {what} is {text!r}; say 1 to {KEY_BYTES} bytes of a key.")

    def _check_events(self, who: str) -> None:
        given: object = self.events
        if not isinstance(given, tuple) or not given:
            raise DeclarationError(f"{who} events is {given!r}; say a tuple of at least one.")
        known = [f"{name}:{which}" for name, several in EVENTS.items() for which in several]
        known += [name for name, several in EVENTS.items() if not several]
        if unknown := [event for event in self.events if event not in known]:
            raise DeclarationError(
                f"{who} events has {unknown[0]!r}, which S3 does not know; say 'ObjectCreated:*' or another"
                f" of {', '.join(sorted(known))}."
            )
        if len({*self.events}) < len(self.events):
            raise DeclarationError(f"{who} events has one twice; S3 takes each once.")

    def recognises(self, event: Any) -> bool:
        """Whether the event is a bucket's, its test event among them; a null record hides no other."""
        return is_test(event) or outer_records(_without_nulls(event), "aws:s3")

    def owns(self, event: Any) -> bool:
        """Whether the first record came from this bucket."""
        if is_test(event):
            return bool(event["Bucket"].endswith(self.bucket))
        records = self.records(_without_nulls(event))[:1]
        return bool(records) and records[0].id.partition("/")[0].endswith(self.bucket)

    def records(self, event: Any) -> list[Record[Any]]:
        """One record an object; a test event is a record by itself."""
        if is_test(event):
            return [S3Record(TEST_EVENT, None, event)]
        return [s3_record(raw, at=at) for at, raw in enumerate(event["Records"])]

    def decoder(self, model: Any) -> Callable[[Record[Any]], Any]:
        """Read the object; Reject where it is none of S3's, Skip for a test event."""
        if model is not S3Object:
            raise DeclarationError(f"a bucket tells of one S3Object a record, not of {model!r}; take that.")

        def told(record: Record[Any]) -> S3Object:
            if is_test(record.raw):
                raise Skip(TEST_EVENT)
            return object_of(record.raw)

        return told

    def describe(self, *, timeout_s: int) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """Its settings as plain data, for the manifest; events as S3 takes them."""
        events = [f"s3:{event}" for event in self.events]
        return {"kind": self.kind, "name": self.name, **msgspec.to_builtins(self), "events": events}


def _without_nulls(event: Any) -> Any:
    """Return an event whose first record says whose it is."""
    match event:
        case {"Records": [None, *others]} if told := [each for each in others if each is not None]:
            return {"Records": told}
    return event
