"""What became of an invocation's records, in one line for people: read from the runtime's own log lines."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import contextmanager
from textwrap import shorten
from typing import TYPE_CHECKING, Final

from worker_runtime.redaction import redact_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_REASON: Final = 120
_WORDS: Final = {"rejected": "dead-lettered"}


class Became(logging.Handler):
    """Listens to the runtime's logger; what ``LOG_LEVEL`` keeps silent is not heard."""

    def __init__(self) -> None:
        super().__init__()
        self._done: int | None = None
        self._others: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Note the line about an invocation, and each one about a record that is not simply done."""
        said = vars(record)
        if "outcomes" in said:
            self._done = said["outcomes"].get("done", 0)
        elif "outcome" in said and "reason" in said:
            word = record.getMessage()
            reason = shorten(redact_text(str(said["reason"])), _LONGEST_REASON, placeholder=" ...")
            self._others[": ".join(filter(None, (_WORDS.get(word, word), reason)))] += 1

    @property
    def line(self) -> str:
        """Say how many were done, skipped and so on, and why; empty where that was not to be heard."""
        if self._done is None:
            return ""
        done = [f"{self._done} done"] if self._done or not self._others else []
        return "; ".join((*done, *(f"{many} {what}" for what, many in self._others.items())))


@contextmanager
def listening() -> Iterator[Became]:
    """Listen while the block runs."""
    became, logger = Became(), logging.getLogger("worker_runtime")
    logger.addHandler(became)
    try:
        yield became
    finally:
        logger.removeHandler(became)
