"""What AWS was recorded to hand to functions and to write of failures: placeholders made values, likeness."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from conformance import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = sorted(
    file.stem for file in (FOLDER / "esm_snapshots").glob("*.json") if not file.stem.startswith("_")
)
EVENT_SOURCES = ("aws:sqs", "aws:kinesis", "aws:dynamodb")
ARRIVED_AT = 1_700_000_000
FIRST_SEQUENCE = 49590338271490256608559692538361571095921575989136588898

_SEQUENCE = re.compile(r"<sequence-number:(\d+)>")
_STAMP = re.compile(r"<timestamp:(.*)>")


def named(*patterns: str) -> list[str]:
    """List the snapshots whose names end like one of the patterns."""
    return [name for name in NAMES if any(fnmatchcase(name, f"*{pattern}") for pattern in patterns)]


def content(name: str) -> dict[str, Any]:
    """Return what a snapshot holds, streams' sequence numbers and arrival times made numbers."""
    file = FOLDER / "esm_snapshots" / f"{name}.json"
    found: dict[str, Any] = _concrete(json.loads(file.read_text(encoding="utf-8"))["content"])
    return found


def events(held: Any) -> list[list[dict[str, Any]]]:
    """List the batches of records in what a snapshot holds, as they were handed over."""
    return list(_lists(held))


def mapping(held: Any) -> dict[str, Any]:
    """Return the settings of the first event-source mapping in what a snapshot holds; none is empty."""
    return next(_mappings(held), {})


def failure_record(held: Any) -> dict[str, Any]:
    """Return the first message in what a snapshot holds that says what was given up."""
    return next(each for each in _dicts(held) if "requestContext" in each)


def like(ours: Any, theirs: Any) -> bool:
    """Tell whether keys, types and constants are the same: a placeholder is any text, a time its form."""
    if isinstance(theirs, dict):
        same_keys = isinstance(ours, dict) and ours.keys() == theirs.keys()
        return same_keys and all(like(ours[name], each) for name, each in theirs.items())
    if isinstance(theirs, list):
        same_length = isinstance(ours, list) and len(ours) == len(theirs)
        return same_length and all(map(like, ours, theirs))
    if isinstance(theirs, str) and (stamp := _STAMP.fullmatch(theirs)):
        return isinstance(ours, str) and re.sub(r"\d", "0", ours) == re.sub(r"\d", "0", stamp[1])
    if isinstance(theirs, str) and ("<" in theirs or theirs in _PLACEHOLDERS):
        return isinstance(ours, str) and bool(ours)
    return type(ours) is type(theirs) and bool(ours == theirs)


_PLACEHOLDERS = ("date", "timestamp", "sender-id", "sent-timestamp")


def _concrete(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: each if name == "attributes" else _concrete(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_concrete(each) for each in value]
    if value in ("<approximate-arrival-timestamp>", "<approximate-creation-datetime>"):
        return ARRIVED_AT
    if isinstance(value, str):
        return _SEQUENCE.sub(lambda found: str(FIRST_SEQUENCE + int(found[1])), value)
    return value


def _lists(held: Any) -> Iterator[list[dict[str, Any]]]:
    if isinstance(held, dict):
        records = held.get("Records")
        if isinstance(records, list) and records and records[0].get("eventSource") in EVENT_SOURCES:
            yield records
            return
        held = list(held.values())
    if isinstance(held, list):
        for each in held:
            yield from _lists(each)


def _dicts(held: Any) -> Iterator[dict[str, Any]]:
    if isinstance(held, dict):
        yield held
        held = list(held.values())
    if isinstance(held, list):
        for each in held:
            yield from _dicts(each)


def _mappings(held: Any) -> Iterator[dict[str, Any]]:
    return (each for each in _dicts(held) if "BatchSize" in each)
