"""A walk through a queue of dead letters: each met once, what is not taken out put back at the end.

A queue's own count is approximate, and a short poll may find nothing in a full queue: receives wait,
and neither an empty one nor the count ends a walk alone.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from worker_runtime.clients.sqs_limits import ENTRIES_A_CALL
from worker_runtime.local.dead_letters.letters import read_letter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from mypy_boto3_sqs import SQSClient

    from worker_runtime.local.dead_letters.letters import Letter

PATIENCE_S: Final = 1
"""How many whole seconds a receive waits; 0 will do where one server answers for the whole queue."""

_MISSES = 2
_PEEK_S = 30

_log = logging.getLogger(__name__)


class Walk:
    """Hides each letter that it meets for ``visibility_s`` seconds; ``counted`` waited when it began."""

    counted: int

    def __init__(
        self, sqs: SQSClient, queue_url: str, *, visibility_s: int, patience_s: int = PATIENCE_S
    ) -> None:
        self._sqs = sqs
        self._url = queue_url
        self._visibility_s = visibility_s
        self._patience_s = patience_s
        self._met: set[str] = set()
        self._receipts: dict[str, str] = {}  # the newest: a letter may come again before the walk ends

    def __enter__(self) -> Self:
        counts = self._sqs.get_queue_attributes(
            QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        self.counted = int(counts["Attributes"]["ApproximateNumberOfMessages"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Put back all that was not taken out, whatever has happened."""
        receipts = list(self._receipts.values())
        for start in range(0, len(receipts), ENTRIES_A_CALL):
            self._put_back(receipts[start : start + ENTRIES_A_CALL])

    def __iter__(self) -> Iterator[Letter]:
        """Meet letter after letter, until one receive brings no new one, or two while some are missing."""
        misses = 0
        while misses < (_MISSES if len(self._met) < self.counted else 1):
            new = self._receive()
            misses = 0 if new else misses + 1
            yield from new

    def take_out(self, letter: Letter) -> None:
        """Delete a letter; ClientError where it could not be."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=self._receipts[letter.message_id])
        del self._receipts[letter.message_id]

    def _receive(self) -> list[Letter]:
        """Receive up to ten letters, and drop those that were met before."""
        received = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=ENTRIES_A_CALL,
            WaitTimeSeconds=self._patience_s,
            VisibilityTimeout=self._visibility_s,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        letters = [read_letter(message) for message in received.get("Messages", [])]
        new = [letter for letter in letters if letter.message_id not in self._met]
        self._receipts |= {letter.message_id: letter.receipt for letter in letters}
        self._met |= self._receipts.keys()
        return new

    def _put_back(self, receipts: list[str]) -> None:
        entries: Any = [
            {"Id": str(at), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
            for at, receipt in enumerate(receipts)
        ]
        try:
            self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            _log.warning("dead letters stay hidden for up to %d s: %s", self._visibility_s, error)


def peek(sqs: SQSClient, queue_url: str, *, patience_s: int = PATIENCE_S) -> list[Letter]:
    """Look at all letters of a queue and leave them there; of a FIFO group at most the first ten."""
    with Walk(sqs, queue_url, visibility_s=_PEEK_S, patience_s=patience_s) as walk:
        return list(walk)
