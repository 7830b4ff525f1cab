"""The scenario's books: every change that fits its table is a row, once told apart, and nothing else is.

Kept outside the worker: it knows what was written and what a reader finds in the files, never the worker's
logs, metrics or code but for the order in which rows of one item are to be read.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from worker_runtime.local.demo.outcome import Finding, Outcome
from workers_pipeline.local.reading import DeliveredFile, current, distinct
from workers_pipeline.local.warehouse.cast import CANARIES, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers_pipeline.local.warehouse.cast import Part

MENDED: Final = "delivered once mended"
UNACCOUNTED: Final = "not accounted for"
_VARIES: Final = frozenset({"change_id", "changed_at_ms", "version", "change_type"})
_SHOWN: Final = {"userId": "user_id", "eventId": "event_id", "name": "name", "isSuppressed": "is_suppressed"}
"""Attributes that nothing masks, and the columns that have to show them."""


class Letter(Struct, frozen=True):
    """A dead letter: why it is there, and the partition key of its item."""

    reason: str
    item: str


class Seen(Struct, frozen=True, kw_only=True):
    """What there is in the end; ``idle`` is whether the stage had come to rest."""

    files: Sequence[DeliveredFile]
    letters: Sequence[Letter] = ()
    idle: bool = True


def judge(cast: Sequence[Part], seen: Seen) -> Outcome:
    """Settle what became of every item's changes."""
    by_item: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in distinct(row for file in seen.files for row in file.rows):
        by_item.setdefault((row["pk"], row["sk"]), []).append(row)
    findings = [
        *(Finding(part.name, problem) for part in cast for problem in _wrong(part, by_item, seen.letters)),
        *(
            Finding(pk, "is in a file, and nobody wrote it")
            for pk, sk in by_item.keys() - {part.keys for part in cast}
        ),
        *(Finding(file.key, problem) for file in seen.files for problem in _misplaced(file)),
        *_strange_letters(cast, seen.letters),
        *([] if seen.idle else [Finding("the stage", "had not come to rest in time")]),
    ]
    return Outcome(
        endings=_endings(cast, astray={finding.item for finding in findings}),
        findings=tuple(findings),
        remarks=_remarks(seen),
        state=_digest(row for file in seen.files for row in file.rows),
    )


def _wrong(
    part: Part, by_item: Mapping[tuple[str, str], list[dict[str, Any]]], letters: Sequence[Letter]
) -> Iterator[str]:
    rows = by_item.get(part.keys, [])
    if len(rows) != len(part.states):
        yield f"has {len(rows)} rows, due are {len(part.states)}"
        return
    if part.mending and part.name not in {letter.item for letter in letters}:
        yield "was put broken and was never a dead letter"
    for row, state in zip(rows, part.states, strict=True):
        yield from _unlike(row, state)
    if rows and rows[-1]["deleted"] is not (part.story is Story.REMOVED):
        yield "is deleted in the last row, or is not, and the table says otherwise"


def _unlike(row: Mapping[str, Any], state: Mapping[str, Any]) -> Iterator[str]:
    due = {"version": state["version"], "status_id": state["status"]["id"], "created_at": state["createdAt"]}
    due |= {column: state[name] for name, column in _SHOWN.items() if name in state and column in row}
    for column, value in due.items():
        if row[column] != value:
            yield f"{column} is {row[column]!r} in change {row['change_id']}, due is {value!r}"


def _misplaced(file: DeliveredFile) -> Iterator[str]:
    for row in file.rows:
        date = datetime.fromtimestamp(row["changed_at_ms"] / 1000, tz=UTC).date().isoformat()
        if date != file.partition_date:
            yield f"has change {row['change_id']} of {date}"
    told = json.dumps(file.rows, ensure_ascii=False)
    for canary in CANARIES:
        if canary in told:
            yield f"has personal data in it: {canary[:4]}…"


def _strange_letters(cast: Sequence[Part], letters: Sequence[Letter]) -> Iterator[Finding]:
    broken = {part.name for part in cast if part.mending}
    for letter in letters:
        if letter.item not in broken:
            yield Finding(letter.item, f"is a dead letter ({letter.reason}), and was never broken")


def _endings(cast: Sequence[Part], *, astray: set[str]) -> dict[str, int]:
    counted = Counter(
        UNACCOUNTED if part.name in astray else MENDED if part.mending else str(part.story) for part in cast
    )
    return dict(sorted(counted.items()))


def _remarks(seen: Seen) -> tuple[str, ...]:
    rows = [row for file in seen.files for row in file.rows]
    tables = Counter(file.table for file in seen.files)
    dates = sorted({file.partition_date for file in seen.files})
    letters = Counter(letter.reason for letter in seen.letters)
    return (
        f"{len(rows)} rows of {len(distinct(rows))} changes, in the partitions {' and '.join(dates)}",
        *(f"{count} files of {table}" for table, count in sorted(tables.items())),
        *(f"dead letters: {count} x {reason}" for reason, count in sorted(letters.items())),
    )


def _digest(rows: Iterator[dict[str, Any]]) -> str:
    lasting = [
        {name: value for name, value in row.items() if name not in _VARIES} for row in current(rows).values()
    ]
    written = sorted(json.dumps(row, sort_keys=True) for row in lasting)
    return sha256("\n".join(written).encode()).hexdigest()[:16]
