"""Kafka topics, MSK's and self-managed: values in; failed offsets listed, or the batch raised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import msgspec
from msgspec import Struct

from worker_runtime.decoding import json_decoder
from worker_runtime.errors import BatchFailed, DeclarationError, text_of
from worker_runtime.grants import Grant, spills
from worker_runtime.outcomes import Failed, Family, Outcome, Rejected
from worker_runtime.sources import (
    OF_BATCHES,
    admitted,
    another_shape,
    check_names,
    check_patterns,
    check_range,
    middleware_lists,
    redelivered,
)
from worker_runtime.sources.kafka_record import KafkaRecord, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.effects import Effect
    from worker_runtime.records import Record
    from worker_runtime.sources import Shape

BATCH_MAX: Final = 10_000  # CreateEventSourceMapping, BatchSize of a Kafka topic
WINDOW_MAX_S: Final = 300
RETRIES: Final = (-1, 10_000)  # MaximumRetryAttempts; -1 for ever
AGE_S: Final = (60, 604_800)  # MaximumRecordAgeInSeconds; -1 as long as the topic has it
POLLERS: Final = (1, 2_000)  # ProvisionedPollerConfig
GROUP_CHARS: Final = 200  # AmazonManagedKafkaEventSourceConfig, ConsumerGroupId
TOPIC_CHARS: Final = 249
MSK_READ: Final = ("kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers")
EVENT_SOURCES: Final = ("aws:kafka", "SelfManagedKafka")

Start = Literal["LATEST", "TRIM_HORIZON"]


class Consumer(Struct, frozen=True, kw_only=True, rename="camel"):
    """How a topic is consumed: what stands behind its name."""

    cluster: str | None = None
    secret: str | None = None
    group: str | None = None
    batch_size: int = 100
    window_s: int | None = None
    start: Start = "LATEST"
    pollers: tuple[int, int] | None = None
    partial_replies: bool = False
    bisect: bool = False
    retries: int = -1
    max_age_s: int = -1
    dead_letters: str | None = None
    spill_bucket: str | None = None
    filters: tuple[Any, ...] = ()


class Kafka(Consumer, frozen=True, rename="camel"):
    """Take the records of a topic, whose real name infrastructure knows.

    ``cluster`` is the logical name of an MSK cluster; without it the cluster is self-managed. ``secret``
    is what the mapping logs in with. The value is JSON unless the worker takes ``bytes`` or ``str``; a
    tombstone reads as ``null``. The records of one partition keep their order. ``window_s`` None is
    Lambda's half second. ``filters`` are event patterns whose root key is ``value``.

    Whatever fails makes the whole batch come again, for ever where it fails for ever: ``retries``,
    ``max_age_s``, ``bisect`` and ``partial_replies`` need provisioned mode, that is ``pollers``, the
    least and most of them. With ``partial_replies`` a partition comes again from its first failure on.
    There ``retries`` -1 is ten of them for Lambda, since there are dead letters: what still fails, and
    what is behind it, goes to them as metadata.
    """

    topic: str

    @property
    def kind(self) -> str:
        """``kafka``."""
        return "kafka"

    @property
    def name(self) -> str:
        """The topic's logical name."""
        return self.topic

    @property
    def family(self) -> Family:
        """Kafka has a column of its own."""
        return Family.KAFKA

    @property
    def ordered(self) -> bool:
        """The records of one partition keep their order."""
        return True

    @property
    def stops(self) -> bool:
        """Without partial replies one failure repeats all, so nothing more need start."""
        return not self.partial_replies

    @property
    def shapes(self) -> frozenset[Shape]:
        """Records one by one, or the batch."""
        return OF_BATCHES

    def check(self, *, worker: str, timeout_s: float) -> None:  # noqa: ARG002 - a topic has no visibility
        """Refuse settings that AWS refuses, or that lose records."""
        who = f"{worker}: Kafka({self.topic!r})"
        check_names(who, topic=self.topic, cluster=self.cluster, secret=self.secret, group=self.group)
        check_names(who, dead_letters=self.dead_letters, spill_bucket=self.spill_bucket)
        check_range(f"{who} batch_size", self.batch_size, 1, BATCH_MAX)
        if self.window_s is not None:
            check_range(f"{who} window_s", self.window_s, 0, WINDOW_MAX_S)
        check_range(f"{who} retries", self.retries, *RETRIES)
        if self.max_age_s != -1:
            check_range(f"{who} max_age_s", self.max_age_s, *AGE_S)
        if len(self.topic) > TOPIC_CHARS or len(self.group or "") > GROUP_CHARS:
            raise DeclarationError(
                f"{who}: a topic has {TOPIC_CHARS} characters, its consumer group {GROUP_CHARS} at most."
            )
        if self.start not in get_args(Start):
            raise DeclarationError(f"{who} start is {self.start!r}; say one of {get_args(Start)}.")
        if self.dead_letters is None:
            raise DeclarationError(
                f"{who} has no dead_letters; what is rejected would be lost. Name a queue."
            )
        if self.dead_letters.endswith(".fifo"):
            raise DeclarationError(f"{who} dead_letters is FIFO; an on-failure destination cannot be.")
        self._check_pollers(who)
        check_patterns(self.filters, data_key="value")

    def _check_pollers(self, who: str) -> None:
        """Refuse what needs provisioned mode without it."""
        if self.pollers is None:
            wanted = {
                "partial_replies": self.partial_replies,
                "bisect": self.bisect,
                "retries": self.retries != -1,
                "max_age_s": self.max_age_s != -1,
            }
            if needing := [name for name, asked in wanted.items() if asked]:
                raise DeclarationError(
                    f"{who} {needing[0]} needs provisioned mode; say pollers=(least, most), which costs."
                )
            return
        given: Any = self.pollers
        if not isinstance(given, tuple) or len(given) != len(POLLERS):
            raise DeclarationError(f"{who} pollers is {given!r}; say two numbers: (least, most).")
        for number in given:
            check_range(f"{who} pollers", number, *POLLERS)
        if given[0] > given[1]:
            raise DeclarationError(f"{who} pollers is {given!r}; say the least first.")

    def recognises(self, event: Any) -> bool:
        """Whether the event is a batch of Kafka records."""
        return (
            isinstance(event, dict)
            and event.get("eventSource") in EVENT_SOURCES
            and isinstance(event.get("records"), dict)
        )

    def owns(self, event: Any) -> bool:
        """Whether the first partition is one of this topic."""
        first = next(iter(event["records"]), "")
        return str(first).rpartition("-")[0].endswith(self.topic)

    def records(self, event: Any) -> list[Record[Any]]:
        """One record an offset, partition by partition; nothing inside is parsed yet."""
        try:
            return [
                KafkaRecord(f"{partition}:{raw['offset']}", None, raw, partition)
                for partition, batch in event["records"].items()
                for raw in batch
            ]
        except (KeyError, TypeError) as error:
            raise BatchFailed("a record has no offset, so no reply could name it") from error

    def decoder(self, model: Any) -> Callable[[Record[Any]], Any]:
        """Decode the value, which is JSON unless the worker takes ``bytes`` or ``str``."""
        decode = json_decoder(model)
        return lambda record: decode(value_of(record.raw))

    def admit(self, record: Record[Any], outcome: Outcome) -> Outcome:  # noqa: ARG002 - topics carry no counts
        """Turn a deferral into a Retry: a topic cannot put one record off."""
        return admitted(self.family, outcome, dead_letters=self.dead_letters)

    def effects(
        self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome], *, worker: str
    ) -> list[Effect]:
        """Dead letters of rejected records that are committed; what comes again needs none yet."""
        again = self._again(records, outcomes)
        if self.dead_letters is None or (any(again) and not self.partial_replies):
            return []
        from worker_runtime.dead_letters import Postbox, Reason, enveloped  # noqa: PLC0415 - seldom needed

        box = Postbox(queue=self.dead_letters, spill_bucket=self.spill_bucket)
        return [
            enveloped(at, record, reason=Reason.of(record, outcome, worker=worker, source=self.kind), to=box)
            for at, (record, outcome) in enumerate(zip(records, outcomes, strict=True))
            if isinstance(outcome, Rejected) and not outcome.written and not again[at]
        ]

    def _again(self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> list[bool]:
        """Say which records come again: in each partition the first that failed and all behind it."""
        first: dict[str, int] = {}
        for record, outcome in zip(records, outcomes, strict=True):
            if redelivered(self.family, outcome):
                first[record.lane] = min(_offset(record), first.get(record.lane, _offset(record)))
        return [record.lane in first and _offset(record) >= first[record.lane] for record in records]

    def reply(self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> Any:
        """List the offsets that come again; without partial replies, and after a Halt, raise."""
        failed = next((at for at, one in enumerate(outcomes) if redelivered(self.family, one)), None)
        if failed is not None and (not self.partial_replies or _is_halted(outcomes)):
            outcome = outcomes[failed]
            cause = outcome.error if isinstance(outcome, Failed) else None
            why = "it was not started" if cause is None else text_of(cause)
            raise BatchFailed(f"record {records[failed].id} of {len(records)} failed: {why}") from cause
        again = self._again(records, outcomes)
        items = {
            record.id: {"itemIdentifier": {"partition": record.lane, "offset": _offset(record)}}
            for record, comes in zip(records, again, strict=True)
            if comes
        }
        return {"batchItemFailures": list(items.values())}

    def check_reply(self, reply: Any, *, worded: Any, records: Sequence[Record[Any]]) -> None:
        """Let middleware list more of the batch, never less."""
        middleware_lists(_listed, reply, worded=worded, records=records)

    def grants(self) -> tuple[Grant, ...]:
        """Find the cluster, or log in to it; send dead letters."""
        assert self.dead_letters is not None  # noqa: S101 - check() saw to it
        letters = Grant("queue", self.dead_letters, ("sqs:SendMessage",))
        cluster = () if self.cluster is None else (Grant("cluster", self.cluster, MSK_READ),)
        login = (
            () if self.secret is None else (Grant("secret", self.secret, ("secretsmanager:GetSecretValue",)),)
        )
        return (*cluster, *login, letters, *spills(self.spill_bucket))

    def describe(self, *, timeout_s: int) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """Its settings as plain data, for the manifest."""
        reports = "batchItemFailures" if self.partial_replies else "nothing"
        return {"kind": self.kind, "name": self.name, "reports": reports, **msgspec.to_builtins(self)}


def _offset(record: Record[Any]) -> int:
    """Return a record's offset; raise where it has none, since no reply could name it."""
    offset = record.raw["offset"]
    if type(offset) is not int:
        raise BatchFailed(f"{offset!r} is no offset; the whole batch has to come again")
    return offset


def _is_halted(outcomes: Sequence[Outcome]) -> bool:
    return any(isinstance(outcome, Failed) and outcome.halted for outcome in outcomes)


def _listed(reply: Any) -> set[str]:
    """Read the ids of a partial reply; anything else that Lambda would take for success is refused."""
    match reply:
        case {"batchItemFailures": [*items], **others} if not others:
            named = {
                f"{partition}:{offset}"
                for item in items
                for partition, offset in [_place(item)]
                if isinstance(partition, str) and type(offset) is int
            }
            if len(named) == len(items):
                return named
    raise another_shape(reply, "batchItemFailures")


def _place(item: Any) -> tuple[Any, Any]:
    match item:
        case {"itemIdentifier": {"partition": partition, "offset": offset}}:
            return partition, offset
    return None, None
