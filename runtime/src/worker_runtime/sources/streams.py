"""What every stream source has in common: its settings, their checks, and a checkpoint for a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from worker_runtime.errors import DeclarationError
from worker_runtime.grants import Grant, spills
from worker_runtime.outcomes import Family, Outcome
from worker_runtime.sources import (
    OF_BATCHES,
    admitted,
    check_item_failures,
    check_names,
    check_patterns,
    check_range,
)
from worker_runtime.sources.checkpoints import stream_effects, stream_reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime.effects import Effect
    from worker_runtime.records import Record
    from worker_runtime.sources import Shape

BATCH_MAX: Final = 10_000  # CreateEventSourceMapping, BatchSize of a stream
WINDOW_MAX_S: Final = 300
LANES_MAX: Final = 10  # ParallelizationFactor
RETRIES: Final = (-1, 10_000)  # MaximumRetryAttempts; -1 until the record is too old
AGE_S: Final = (60, 604_800)  # MaximumRecordAgeInSeconds; -1 until the stream forgets
DYNAMODB_READ: Final = tuple(
    f"dynamodb:{action}" for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
)
KINESIS_READ: Final = tuple(
    f"kinesis:{action}"
    for action in (
        "DescribeStream",
        "DescribeStreamSummary",
        "GetRecords",
        "GetShardIterator",
        "ListShards",
        "ListStreams",
        "SubscribeToShard",
    )
)

Start = Literal["LATEST", "TRIM_HORIZON"]
OnFailure = Literal["stop", "continue", "repeat"]


class StreamSource(Struct, frozen=True, kw_only=True, rename="camel"):
    """The settings of a stream's event-source mapping, and what follows from them.

    Rejected records, and what Lambda gives up after ``retries`` or ``max_age_s``, go to
    ``dead_letters``. ``on_failure="continue"`` goes on with other lanes past a failed record,
    ``"repeat"`` has the whole batch come again, as it is, where one of its records failed.
    A source of its own adds what it is named for, and how its records are opened.
    """

    batch_size: int = 100
    window_s: int = 0
    parallelization: int = 1
    start: Start = "LATEST"
    bisect: bool = True
    retries: int = 3
    max_age_s: int = -1
    on_failure: OnFailure = "stop"
    dead_letters: str | None = None
    spill_bucket: str | None = None
    enhanced_fan_out: bool = False
    filters: tuple[Any, ...] = ()

    @property
    def kind(self) -> str:
        """Its name in manifests, logs and errors."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """The logical name of what is polled."""
        raise NotImplementedError

    @property
    def family(self) -> Family:
        """Streams keep a checkpoint."""
        return Family.STREAM

    @property
    def ordered(self) -> bool:
        """The records of one lane keep their order."""
        return True

    @property
    def stops(self) -> bool:
        """The checkpoint repeats all that follows a failed record, so nothing more need start."""
        return self.on_failure != "continue"

    @property
    def shapes(self) -> frozenset[Shape]:
        """Records one by one, or the batch."""
        return OF_BATCHES

    @property
    def reads(self) -> tuple[str, ...]:
        """The IAM actions that polling it takes."""
        return KINESIS_READ

    @property
    def data_key(self) -> Literal["data", "dynamodb"]:
        """Under which key its mapping's filters find a record's data."""
        return "data"

    @property
    def mapping_filters(self) -> tuple[Any, ...]:
        """Its filters as its mapping gets them."""
        return self.filters

    def check_settings(self, who: str) -> None:
        """Refuse settings that AWS refuses, or that lose records."""
        check_names(who, dead_letters=self.dead_letters, spill_bucket=self.spill_bucket)
        check_range(f"{who} batch_size", self.batch_size, 1, BATCH_MAX)
        check_range(f"{who} window_s", self.window_s, 0, WINDOW_MAX_S)
        check_range(f"{who} parallelization", self.parallelization, 1, LANES_MAX)
        check_range(f"{who} retries", self.retries, *RETRIES)
        if self.max_age_s != -1:
            check_range(f"{who} max_age_s", self.max_age_s, *AGE_S)
        if self.dead_letters is None:
            raise DeclarationError(
                f"{who} has no dead_letters; what is rejected would be lost. Name a queue."
            )
        if self.dead_letters.endswith(".fifo"):
            raise DeclarationError(
                f"{who} dead_letters is FIFO; a stream's on-failure destination cannot be."
            )
        for what, value, known in (("start", self.start, Start), ("on_failure", self.on_failure, OnFailure)):
            if value not in get_args(known):
                raise DeclarationError(f"{who} {what} is {value!r}; say one of {get_args(known)}.")
        if self.on_failure == "repeat" and self.bisect:
            raise DeclarationError(
                f"{who} on_failure is 'repeat', and a batch that is halved is another one; say bisect=False."
            )
        check_patterns(self.mapping_filters, data_key=self.data_key)

    def admit(self, record: Record[Any], outcome: Outcome) -> Outcome:  # noqa: ARG002 - streams carry no counts
        """Turn a deferral into a Retry: a stream cannot put one record off."""
        return admitted(self.family, outcome, dead_letters=self.dead_letters)

    def effects(
        self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome], *, worker: str
    ) -> list[Effect]:
        """Dead letters of rejected records that the reply acknowledges."""
        return stream_effects(self, records, outcomes, worker=worker)

    def reply(self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> Any:
        """Name the checkpoint, or raise where it would be no progress."""
        return stream_reply(records, outcomes, whole=self.on_failure == "repeat")

    def check_reply(self, reply: Any, *, worded: Any, records: Sequence[Record[Any]]) -> None:
        """Let middleware list more of the batch, never less."""
        check_item_failures(reply, worded=worded, records=records)

    def grants(self) -> tuple[Grant, ...]:
        """Read the stream; send dead letters."""
        assert self.dead_letters is not None  # noqa: S101 - check_settings() saw to it
        stream = Grant("stream", self.name, self.reads)
        letters = Grant("queue", self.dead_letters, ("sqs:SendMessage",))
        return (stream, letters, *spills(self.spill_bucket))

    def describe(self, *, timeout_s: int) -> dict[str, Any]:  # noqa: ARG002 - a stream has no visibility
        """Its settings as plain data, for the manifest."""
        settings = msgspec.to_builtins(replace(self, filters=self.mapping_filters))
        return {"kind": self.kind, "name": self.name, "reports": "batchItemFailures", **settings}
