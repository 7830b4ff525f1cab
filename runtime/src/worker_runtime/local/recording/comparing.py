"""What became of an event when it was recorded, beside what becomes of it now."""

from __future__ import annotations

import json
from textwrap import shorten
from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.local.recording.lines import Answer, Event, Fate

Verdict = Literal["same", "different", "masked", "not recorded"]

REPLY: Final = "(reply)"
"""Stands for a record where the records' fates are the same and the reply is not."""

_LONGEST: Final = 100
_COMPARABLE: Final = ("reply", "error")


class Compared(Struct, frozen=True, rename="camel"):
    """A record then and now; ``line`` is the event's in its file.

    ``masked``: it differs, and the worker saw other data than then, in this record or before it in its event.
    ``not recorded``: nobody knows what became of it, or its invocation did not come to its own end.
    """

    line: int
    worker: str
    record: str
    verdict: Verdict
    recorded: str
    now: str


def compare(line: int, recorded: Event, now: Event, *, done_before: bool = False) -> Iterator[Compared]:
    """Compare record by record: the outcome, a rejection's code; then the reply, or the error.

    The texts of retries and skips are shown and decide nothing: they may tell of times and ids. With
    ``done_before`` the work may be done already where it runs now: what is skipped is the same.
    """
    worker, answer = now.worker or "", recorded.answer
    if answer is None or answer.ended not in _COMPARABLE:
        ended = "" if answer is None else answer.ended
        for then, again in zip(recorded.records, now.records, strict=True):
            yield Compared(line, worker, then.id, "not recorded", ended, _told(again))
        return
    found = list(_differences(line, worker, recorded, now, done_before=done_before))
    differ = [each for each in found if each.verdict == "different"]
    veiled = {fate.id for fate in recorded.records if fate.masked}
    unlike = any(each.record in veiled for each in differ)
    unlike |= recorded.masked and any(each.record == REPLY for each in differ)
    for each in found:
        yield _as_masked(each) if unlike and each.verdict == "different" else each


def _differences(
    line: int, worker: str, recorded: Event, now: Event, *, done_before: bool
) -> Iterator[Compared]:
    alike, fates_alike = _alike(recorded.answer, now.answer), True
    for then, again in zip(recorded.records, now.records, strict=True):
        same = alike if then.outcome is None else _same_fate(then, again)
        fates_alike &= same  # else the reply differs for that
        same |= done_before and again.outcome == "skip" and then.outcome != "reject"
        yield Compared(line, worker, then.id, "same" if same else "different", _told(then), _told(again))
    if not alike and fates_alike:
        yield Compared(line, worker, REPLY, "different", _said(recorded.answer), _said(now.answer))


def _as_masked(each: Compared) -> Compared:
    return Compared(each.line, each.worker, each.record, "masked", each.recorded, each.now)


def _same_fate(then: Fate, again: Fate) -> bool:
    if then.outcome != again.outcome:
        return False
    return then.outcome != "reject" or then.reason == again.reason


def _alike(then: Answer | None, again: Answer | None) -> bool:
    """Whether who waits for an answer gets the same one; listed failures are a set."""
    if then is None or again is None or then.ended != again.ended:
        return False
    if then.ended == "reply":
        return bool(_plain(then) == _plain(again))
    return (then.error_type, then.error_message) == (again.error_type, again.error_message)


def _plain(answer: Answer) -> Any:
    reply = json.loads(bytes(answer.reply)) if answer.reply else None
    if isinstance(reply, dict) and isinstance(listed := reply.get("batchItemFailures"), list):
        return {**reply, "batchItemFailures": sorted(listed, key=json.dumps)}
    return reply


def _told(fate: Fate) -> str:
    """Word a fate: ``reject REFUSED``."""
    reason = fate.reason if fate.reason not in (None, fate.outcome) else ""
    return _short(" ".join(filter(None, (fate.outcome or "?", reason))))


def _said(answer: Answer | None) -> str:
    if answer is None:
        return ""
    if answer.ended == "reply":
        return _short(bytes(answer.reply).decode(errors="replace") if answer.reply else "null")
    return _short(": ".join(filter(None, (answer.error_type or answer.ended, answer.error_message))))


def _short(text: str) -> str:
    return shorten(text, _LONGEST, placeholder=" ...") if " " in text else text[:_LONGEST]
