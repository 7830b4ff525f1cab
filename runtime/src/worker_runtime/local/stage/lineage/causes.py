"""Where a record came from: the chain of causes, up to what came from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker_runtime.local.stage.lineage.linking import links_of
from worker_runtime.local.stage.lineage.told import Cause

if TYPE_CHECKING:
    import sqlite3

_LONGEST: Final = 50  # a worker may feed itself for ever
_NAMED: Final = 20  # records of a batch that may have been the cause


def came_from(db: sqlite3.Connection, record: int) -> tuple[Cause, ...]:
    """List the causes of a record (its row), the first one first."""
    chain: list[Cause] = []
    met = {record}
    above: int | None = record
    while above is not None and len(chain) < _LONGEST:
        row = db.execute("SELECT * FROM records WHERE id = ?", (above,)).fetchone()
        cause, above = _cause_of(db, row)
        if cause is None or above in met:
            break
        chain.append(cause)
        if above is not None:
            met.add(above)
    return tuple(reversed(chain))


def made_by(db: sqlite3.Connection, caused: sqlite3.Row) -> tuple[Cause, int | None]:
    """Tell what made something, and the row of the record for which it did, where that is known."""
    invocation = db.execute("SELECT * FROM invocations WHERE id = ?", (caused["invocation"],)).fetchone()
    told = {"at": caused["at"], "wall": caused["wall"], "how": caused["verb"]}
    told |= {"thing": caused["thing"], "target": caused["target"]}
    if invocation is None:
        return Cause(**told), None
    batch = db.execute(
        "SELECT records.id, records.record FROM attempts JOIN records ON records.id = attempts.record"
        " WHERE attempts.invocation = ?",
        (invocation["id"],),
    ).fetchall()
    own = next((each["record"] for each in batch if each["id"] == caused["record"]), None)
    among = () if own is not None else tuple(each["record"] for each in batch[:_NAMED])
    cause = Cause(**told, worker=invocation["worker"], request=invocation["request"], record=own, among=among)
    return cause, caused["record"]


def _cause_of(db: sqlite3.Connection, row: sqlite3.Row) -> tuple[Cause | None, int | None]:
    """Find what made a record: a call of a worker, a letter that was sent back."""
    caused = _caused(db, row)
    if caused is not None:
        return made_by(db, caused)
    if not row["source"].startswith("arn:aws:sqs:"):
        return None, None  # a letter of any other source goes back as the record that it is of
    back = db.execute(
        "SELECT * FROM sent_back WHERE thing = ? ORDER BY id DESC LIMIT 1", (row["record"],)
    ).fetchone()
    if back is None:
        return None, None
    cause = Cause(
        at=back["at"], wall=back["wall"], how="sent back", thing=back["letter"], worker=back["worker"]
    )
    return cause, _record_of_letter(db, back["letter"], but=row["id"])


def _caused(db: sqlite3.Connection, row: sqlite3.Row) -> sqlite3.Row | None:
    """Find the call that made a record."""
    if row["item"] is not None:
        links = links_of(db, table=row["item_table"], key=row["item"])
        thing = links.write_of.get(row["id"])
        found: sqlite3.Row | None = db.execute("SELECT * FROM caused WHERE id = ?", (thing,)).fetchone()
        return found
    name = row["record"]
    if row["source"].startswith("arn:aws:s3:"):
        name = name.rpartition(" ")[0]
    last: sqlite3.Row | None = db.execute(
        "SELECT * FROM caused WHERE thing = ? AND kind != 'letter' AND error IS NULL"
        " ORDER BY (wall <= ?) DESC, id DESC LIMIT 1",
        (name, row["wall"]),
    ).fetchone()
    return last


def _record_of_letter(db: sqlite3.Connection, letter: str, *, but: int) -> int | None:
    """Find the row of the record that a dead letter is of; a queue's own letter keeps the message's id."""
    for query in (
        "SELECT record FROM caused WHERE thing = ? AND kind = 'letter' AND record IS NOT NULL",
        "SELECT record FROM steps WHERE letter = ?",
        "SELECT id FROM records WHERE record = ?",
    ):
        found = db.execute(query, (letter,)).fetchone()
        if found is not None and found[0] != but:
            return int(found[0])
    return None
