"""What travels through a backfill: batches of changes as Lambda hands them over, and what is in none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKER: Final = "pipeline.deliveryWorker"
RECORDS_MAX: Final = 1_000
"""The worker's own batch size."""
EVENT_BYTES_MAX: Final = 6 * 1024 * 1024
"""Lambda's limit of an event's JSON."""
NOTHING_TAKEN: Final = frozenset({"MISSING", "CHECKSUM"})
"""Codes of a file of which nothing is delivered: once it is put right, it is taken as if never seen."""


class Unread(Struct, frozen=True):
    """What cannot be handed over: a line (None: the file), how many changes it stands for, and why.

    ``code`` is one of NO_JSON, NO_ITEM, NO_IMAGE, NO_TIME, TOO_LARGE, BROKEN_GZIP, NO_EVENT and MASKED of a
    line, MISSING, CHECKSUM and ITEM_COUNT of a file.
    """

    line: int | None
    code: str
    why: str
    changes: int = 1
    text: bytes = b""


class Batch(Struct, frozen=True, kw_only=True):
    """Some lines of a file, up to ``last``: an event of what can be handed over, and the rest.

    ``lines`` are those of the event's records; ``passed_over`` counts changes for another worker.
    """

    last: int
    event: Mapping[str, Any] | None = None
    lines: Sequence[int] = ()
    unread: Sequence[Unread] = ()
    passed_over: int = 0


class Input(Protocol):
    """One file whose changes are delivered again, always in the same batches."""

    @property
    def name(self) -> str:
        """How people find it."""

    @property
    def identity(self) -> str:
        """Return what changes with what is in it."""

    @property
    def changes(self) -> int | None:
        """How many changes it holds, where that is known beforehand."""

    @property
    def may_repeat(self) -> bool:
        """Whether a batch may come more than once in it, or in another file."""

    @property
    def origin(self) -> str:
        """What tells of the file, where that is another: the manifest of an export."""

    def batches(self, *, behind: int) -> Iterator[Batch]:
        """Read batch after batch, from behind the last line of one."""


def sequence_of(raw: Mapping[str, Any]) -> str:
    """Return what the worker calls a record; KeyError or TypeError where it has no sequence number."""
    name: str = raw["dynamodb"]["SequenceNumber"] if "dynamodb" in raw else raw["kinesis"]["sequenceNumber"]
    return name
