"""What an id, or the beginning of one, stands for: a record, an invocation, a dead letter, an item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker_runtime.errors import WorkerRuntimeError
from worker_runtime.local.stage.lineage.told import Made, Try, Way
from worker_runtime.local.stage.lineage.ways import SHOWN, Ways

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

_CANDIDATES: Final = 12
_LAST: Final = "\U0010ffff"  # sorts behind whatever may follow a beginning

_IDS: Final = {
    "record": "SELECT DISTINCT record AS id, worker AS of FROM records WHERE record {fits}",
    "invocation": "SELECT DISTINCT request AS id, worker AS of FROM invocations WHERE request {fits}",
    "dead letter": "SELECT DISTINCT letter AS id, '' AS of FROM steps WHERE letter {fits}",
    "made": "SELECT DISTINCT thing AS id, kind || ' in ' || target AS of FROM caused"
    " WHERE kind != 'item' AND thing {fits}",
    "correlation id": "SELECT DISTINCT correlation AS id, worker AS of FROM records WHERE correlation {fits}",
    "item": "SELECT DISTINCT item AS id, item_table AS of FROM records WHERE item {fits}"
    " UNION SELECT DISTINCT thing, target FROM caused WHERE kind = 'item' AND thing {fits}",
}
_PARTS: Final = (
    "SELECT DISTINCT item AS id, item_table AS of FROM records WHERE {fits}"
    " UNION SELECT DISTINCT thing, target FROM (SELECT thing, target, thing AS item FROM caused"
    " WHERE kind = 'item') WHERE {fits} ORDER BY 1 LIMIT 1000"
)
_VALUE: Final = "instr(' ' || item || ' ', ' ' || ?1 || ' ')"
_BEHIND_HASH: Final = (
    "instr(' ' || item || ' ', '#' || ?1 || ' ') OR instr(' ' || item || ' ', '#' || ?1 || '#')"
)
_BEGINS_BEHIND_HASH: Final = "instr(item, '#' || ?1)"


class NothingFound(WorkerRuntimeError):
    """A lineage file knows nothing of an id."""


class ManyFound(WorkerRuntimeError):
    """The beginning of several ids."""


class Candidate(Struct, frozen=True):
    """An id that may be meant, what it is and of whom."""

    id: str
    kind: str
    of: str


class Traced(Struct, frozen=True, rename="camel"):
    """What was found of an id: the ways of records, invocations, things that nobody took up."""

    id: str
    kind: str
    found: tuple[Way | Try | Made, ...]


def find(db: sqlite3.Connection, wanted: str, *, shown: int | None = SHOWN) -> Traced:
    """Tell all that an id stands for, or its beginning, or the items of whose keys it is a whole part.

    Raises NothingFound and ManyFound.
    """
    candidates, whole = _candidates(db, wanted)
    kinds: dict[str, list[str]] = {}
    for each in candidates:
        kinds.setdefault(each.id, []).append(each.kind)
    if not kinds:
        raise NothingFound(f"nothing is known of {wanted!r}")
    if len(kinds) > (_CANDIDATES if whole else 1):
        raise ManyFound(_too_many(wanted, candidates, whole=whole))
    ways = Ways(db, shown=shown)
    found = tuple(told for each, known_as in kinds.items() for told in _told(db, ways, each, known_as))
    only = next(iter(kinds)) if len(kinds) == 1 else wanted
    return Traced(only, next(iter(kinds.values()))[0], found)


def _too_many(wanted: str, candidates: Sequence[Candidate], *, whole: bool) -> str:
    """Say which ids are begun, each once, and how many more."""
    known_as: dict[str, str] = {}
    for each in candidates:
        known_as.setdefault(each.id, ", ".join(filter(None, (each.kind, each.of))))
    listed = [f"{found} ({said})" for found, said in known_as.items()]
    more = f" and {len(listed) - _CANDIDATES:,} more" if len(listed) > _CANDIDATES else ""
    is_what = "is in the keys of" if whole else "begins"
    called = "items" if whole else "ids"
    return (
        f"{wanted!r} {is_what} {len(listed):,} {called}; say more of one:"
        f" {', '.join(listed[:_CANDIDATES])}{more}"
    )


def _candidates(db: sqlite3.Connection, wanted: str) -> tuple[list[Candidate], bool]:
    """List what an id is, exactly; else the items whose key has it, whole; else what it begins.

    Also said is whether they are items that have it whole, all of which may be meant.
    """
    exact, beginning = "= ?1", f"BETWEEN ?1 AND ?1 || '{_LAST}'"
    if found := _fitting(db, wanted, exact):
        return found, False
    if items := _items(db, wanted, _VALUE) or _items(db, wanted, _BEHIND_HASH):
        return items, True
    return [*_fitting(db, wanted, beginning), *_items(db, wanted, _BEGINS_BEHIND_HASH)], False


def _items(db: sqlite3.Connection, wanted: str, fits: str) -> list[Candidate]:
    """List items by a part of their keys: ``NTF#1 meta`` by ``NTF#1``, ``1``, ``meta``."""
    rows = db.execute(_PARTS.format(fits=f"({fits})"), (wanted,))
    return [Candidate(row["id"], "item", row["of"]) for row in rows]


def _fitting(db: sqlite3.Connection, wanted: str, fits: str) -> list[Candidate]:
    return [
        Candidate(row["id"], kind, row["of"])
        for kind, query in _IDS.items()
        for row in db.execute(f"{query.format(fits=fits)} LIMIT 100", (wanted,))
    ]


def _told(db: sqlite3.Connection, ways: Ways, wanted: str, kinds: list[str]) -> Iterable[Way | Try | Made]:
    """Tell an id as what it is first of all."""
    match kinds[0]:
        case "record":
            return _ways(ways, db.execute("SELECT id FROM records WHERE record = ? ORDER BY id", (wanted,)))
        case "invocation":
            return ways.tries_of(wanted)
        case "dead letter":
            query = "SELECT DISTINCT record FROM steps WHERE letter = ? ORDER BY record"
            return _ways(ways, db.execute(query, (wanted,)))
        case "made":
            return _made(db, ways, wanted)
        case "correlation id":
            query = "SELECT id FROM records WHERE correlation = ? ORDER BY id"
            return _ways(ways, db.execute(query, (wanted,)))
    return _of_item(db, ways, wanted)


def _ways(ways: Ways, rows: Iterable[tuple[int]]) -> list[Way]:
    """Tell ways, but for those that stand in others."""
    told = [ways.way(row) for (row,) in list(rows)]
    return [way for way in told if not way.seen] or told


def _made(db: sqlite3.Connection, ways: Ways, thing: str) -> list[Way | Try | Made]:
    """Tell a message, letter or object that no worker took up: by the record it was made for."""
    rows = db.execute("SELECT * FROM caused WHERE thing = ? ORDER BY id", (thing,)).fetchall()
    records = dict.fromkeys(row["record"] for row in rows if row["record"] is not None)
    if records:
        return [*_ways(ways, [(record,) for record in records])]
    requests = db.execute(
        "SELECT DISTINCT request FROM invocations JOIN caused ON caused.invocation = invocations.id"
        " WHERE thing = ?",
        (thing,),
    ).fetchall()
    tries = [each for (request,) in requests for each in ways.tries_of(request)]
    return [*tries] or [ways.made(row, depth=0) for row in rows]


def _of_item(db: sqlite3.Connection, ways: Ways, key: str) -> list[Way | Made]:
    """Tell all changes of an item, and the writes that stand in none of their ways."""
    changes = db.execute("SELECT id FROM records WHERE item = ? ORDER BY length(record), record", (key,))
    told: list[Way | Made] = [*_ways(ways, changes.fetchall())]
    writes = db.execute(
        "SELECT * FROM caused WHERE kind = 'item' AND thing = ? ORDER BY id", (key,)
    ).fetchall()
    told += [ways.made(row, depth=0) for row in writes if ways.stands_alone(row)]
    return sorted(told, key=lambda each: each.wall)
