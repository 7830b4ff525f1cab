"""Which write of an item made which change of its table's stream.

A stream tells no caller. Changes come in the order of their writes, never before them, and show all that
their write set; a write that changed nothing, and those of others, are passed over.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

_EARLY_S: Final = 0.5
"""A poller may note a change a moment before the gateway notes its write."""


class Links(NamedTuple):
    """Rows of ``caused`` by rows of ``records``, and the other way round."""

    write_of: dict[int, int]
    changes_of: dict[int, list[int]]


def links_of(db: sqlite3.Connection, *, table: str, key: str) -> Links:
    """Link the changes of one item with its writes."""
    writes = db.execute(
        "SELECT id, verb, prints, wall FROM caused"
        " WHERE thing = ? AND target = ? AND kind = 'item' AND error IS NULL ORDER BY id",
        (key, table),
    ).fetchall()
    changes = db.execute(
        "SELECT id, worker, source, prints, wall FROM records WHERE item = ? AND item_table = ?"
        " ORDER BY length(record), record",
        (key, table),
    ).fetchall()
    readers: dict[tuple[str, str], list[sqlite3.Row]] = defaultdict(list)
    for change in changes:
        readers[change["worker"], change["source"]].append(change)
    write_of = {change: write for read in readers.values() for change, write in _linked(read, writes)}
    changes_of: dict[int, list[int]] = defaultdict(list)
    for change, write in write_of.items():
        changes_of[write].append(change)
    return Links(write_of, changes_of)


def _linked(changes: Sequence[sqlite3.Row], writes: Sequence[sqlite3.Row]) -> Iterable[tuple[int, int]]:
    """Pair the changes that one reader met, in their order, with writes in theirs."""
    following = 0
    for change in changes:
        for at in range(following, len(writes)):
            if writes[at]["wall"] > change["wall"] + _EARLY_S:
                break
            if _made(writes[at], change):
                yield change["id"], writes[at]["id"]
                following = at + 1
                break


def _made(write: sqlite3.Row, change: sqlite3.Row) -> bool:
    """Whether a write may have made a change."""
    was_set, image = set((write["prints"] or "").split()), set(change["prints"].split())
    match write["verb"]:
        case "DeleteItem":
            return not image
        case "PutItem":
            return was_set == image
    return bool(image) and was_set <= image
