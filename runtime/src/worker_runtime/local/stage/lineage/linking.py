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
    """Pair the changes that one reader met, in their order, with writes in theirs.

    First with writes that were noted before them; then those left over with any noted a moment later.
    """
    found: list[int | None] = [None] * len(changes)  # positions of writes
    for late_s in (0.0, _EARLY_S):
        first, lasts = 0, _lasts(found, len(writes))
        for at, change in enumerate(changes):
            if found[at] is None:
                until = change["wall"] + late_s
                found[at] = _first(change, writes, range(first, lasts[at]), until=until)
            first = first if (write := found[at]) is None else write + 1
    pairs = zip(changes, found, strict=True)
    return ((change["id"], writes[write]["id"]) for change, write in pairs if write is not None)


def _lasts(found: Sequence[int | None], end: int) -> list[int]:
    """Say for each change before which write its own must come: that of the next change that has one."""
    lasts = []
    for write in reversed(found):
        lasts.append(end)
        end = end if write is None else write
    return lasts[::-1]


def _first(
    change: sqlite3.Row, writes: Sequence[sqlite3.Row], positions: Iterable[int], *, until: float
) -> int | None:
    """Find the first of some writes, noted until then, that may have made a change."""
    fitting = (at for at in positions if writes[at]["wall"] <= until and _made(writes[at], change))
    return next(fitting, None)


def _made(write: sqlite3.Row, change: sqlite3.Row) -> bool:
    """Whether a write may have made a change."""
    was_set, prints = set((write["prints"] or "").split()), change["prints"].split()
    image = {each.removeprefix("+") for each in prints}
    if write["verb"] == "DeleteItem":
        return not image
    if write["verb"] == "PutItem":
        return was_set == image
    changed = {each[1:] for each in prints if each.startswith("+")}
    return bool(image) and was_set <= image and (not was_set or not was_set.isdisjoint(changed))
