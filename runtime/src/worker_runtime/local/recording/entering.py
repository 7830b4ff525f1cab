"""From an event and how its invocation ended to the line of a recording, personal data made unreadable."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker_runtime.local.recording.fates import failed_in, fates_of
from worker_runtime.local.recording.lines import Answer, Ending, Event, Fate
from worker_runtime.local.recording.masking import masked, masked_text
from worker_runtime.local.stage.execution import answers
from worker_runtime.local.stage.lineage.raw_records import event_id, source_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker_runtime.local.recording.fates import Told
    from worker_runtime.local.stage.execution.invocations import Report

_ENDINGS: Final[Mapping[type[answers.Answer], Ending]] = {
    answers.Reply: "reply",
    answers.FunctionError: "error",
    answers.TimedOut: "timed out",
    answers.Crashed: "crashed",
    answers.InitFailed: "init failed",
    answers.RequestTooLarge: "too large",
}


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is on its way: to whom, when (the recorded clock's epoch seconds, the machine's)."""

    event: bytes
    at: float
    wall: float
    worker: str | None = None
    request_id: str | None = None
    repeated: bool = False
    ids: Sequence[str] | None = None
    """Its records' ids; read from the event where it is handed over whole."""


def entered(taken: Taken, *, in_clear: bool, report: Report | None = None, ended: bool = False) -> Event:
    """Make the line of an event; ``ended``, but without a report, it was cut short by its stage."""
    opened = _opened(taken.event)
    raws = list(raws_of(opened))
    ids = taken.ids or [event_id(raw, otherwise=taken.request_id or str(at)) for at, raw in enumerate(raws)]
    shown = opened if in_clear else masked(opened)
    veiled = [then != now for then, now in zip(raws, raws_of(shown), strict=True)]
    told = _told(ids, report)
    fates = [
        _fate(each, said, masked=hidden, in_clear=in_clear)
        for each, said, hidden in zip(ids, told, veiled, strict=False)
    ]
    return Event(
        at=taken.at,
        wall=taken.wall,
        worker=taken.worker,
        source=next(map(source_of, raws_of(shown)), ""),
        request_id=taken.request_id,
        repeated=taken.repeated,
        masked=shown != opened,
        records=tuple(fates),
        event=_one_line(taken.event) if shown == opened else _one_line(_encoded(shown)),
        answer=_answer(report, in_clear=in_clear) if ended else None,
    )


def raws_of(event: Any) -> Iterator[Mapping[str, Any]]:
    """List the records of an event in their order, those of a topic by partition; else the event itself."""
    listed: Any = None
    match event:
        case {"Records": list(listed)}:
            pass
        case {"records": dict(partitions)}:
            listed = [each for records in partitions.values() for each in records]
    for each in [event] if listed is None else listed:
        yield each if isinstance(each, dict) else {"event": each}


def _told(ids: Sequence[str], report: Report | None) -> list[Told]:
    if report is None:
        return fates_of(ids, printed="", failed=None)
    reply = _opened(report.answer.payload) if isinstance(report.answer, answers.Reply) else None
    return fates_of(ids, printed=report.logs, failed=failed_in(reply))


def _fate(record_id: str, told: Told, *, masked: bool, in_clear: bool) -> Fate:
    known_as, reason = record_id, told.reason
    if not in_clear:
        known_as, reason = masked_text(record_id), reason and masked_text(reason)
    return Fate(id=known_as, outcome=told.outcome, reason=reason, masked=masked)


def _answer(report: Report | None, *, in_clear: bool) -> Answer:
    if report is None:
        return Answer(ended="stopped")
    answer, took_ms = report.answer, round(report.duration_s * 1000, 3)
    ending = _ENDINGS[type(answer)]
    if isinstance(answer, answers.Reply):
        return Answer(ended=ending, reply=reply_of(answer.payload, in_clear=in_clear), took_ms=took_ms)
    said = answer.message if in_clear else masked_text(answer.message)
    return Answer(ended=ending, error_type=answer.error_type, error_message=said, took_ms=took_ms)


def reply_of(payload: bytes, *, in_clear: bool) -> msgspec.Raw:
    """Return a reply as it stands in a line."""
    opened = _opened(payload)
    shown = opened if in_clear else masked(opened)
    return _one_line(payload) if shown == opened else _one_line(_encoded(shown))


def _opened(text: bytes) -> Any:
    """Read JSON; what is none is its text."""
    try:
        return json.loads(text or b"null")
    except (ValueError, RecursionError):
        return text.decode(errors="replace")


def _one_line(text: bytes) -> msgspec.Raw:
    """Keep JSON as it is, without line breaks; what is none (NaN, half a character) becomes a JSON text."""
    try:
        return msgspec.Raw(_checked(text or b"null"))
    except (ValueError, RecursionError):
        return msgspec.Raw(msgspec.json.encode(text.decode(errors="replace")))


def _checked(text: bytes) -> bytes:
    msgspec.json.decode(text)
    return msgspec.json.format(text, indent=-1) if b"\n" in text or b"\r" in text else text


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
