"""The way of a record down: its tries, what each made, and the ways of what was made, across workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker_runtime.local.stage.lineage.causes import came_from
from worker_runtime.local.stage.lineage.linking import links_of
from worker_runtime.local.stage.lineage.told import Back, Logged, Made, Step, Try, Way

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

SHOWN: Final = 20
"""What one try made is told up to this number: a fan-out makes thousands."""

_DEEPEST: Final = 24


class Ways:
    """Tells ways out of one lineage file; each record once in a tree."""

    def __init__(self, db: sqlite3.Connection, *, shown: int | None = SHOWN) -> None:
        """Prepare; ``shown`` None tells all that was made."""
        self._db = db
        self._shown = -1 if shown is None else shown
        self._told: set[int] = set()
        self._made_told: set[int] = set()

    def way(self, record: int, *, depth: int = 0) -> Way:
        """Tell the way of a record by its row; its causes too, where it stands at the top."""
        row = self._db.execute("SELECT * FROM records WHERE id = ?", (record,)).fetchone()
        seen = record in self._told or depth > _DEEPEST
        self._told.add(record)
        events: list[Try | Step] = [] if seen else [*self._tries(record, depth), *self._steps(record, depth)]
        item = None if row["item"] is None else f"{row['item_table']} {row['item']}"
        return Way(
            at=row["at"],
            wall=row["wall"],
            worker=row["worker"],
            source=row["source"],
            record=row["record"],
            bytes=row["bytes"],
            correlation=row["correlation"],
            item=item,
            body=row["body"],
            refused=row["refused"],
            came_from=() if depth else came_from(self._db, record),
            events=tuple(sorted(events, key=lambda event: event.wall)),
            seen=seen,
        )

    def tries_of(self, request: str) -> list[Try]:
        """Tell the invocations under a request id, with all that each made."""
        rows = self._db.execute(
            "SELECT *, NULL AS done, NULL AS outcome, NULL AS reason, NULL AS receives FROM invocations"
            " WHERE request = ? ORDER BY id",
            (request,),
        ).fetchall()
        return [self._try(row, record=None, depth=0) for row in rows]

    def made(self, row: sqlite3.Row, *, depth: int, sure: bool = True) -> Made:
        """Tell what a call made, and what that led to where it is sure."""
        self._made_told.add(row["id"])
        led_to = self._led_to(row) if sure and not row["error"] and row["thing"] else []
        told = led_to if self._shown < 0 else led_to[: self._shown]
        return Made(
            at=row["at"],
            wall=row["wall"],
            verb=row["verb"],
            kind=row["kind"],
            target=row["target"],
            thing=row["thing"],
            sure=sure,
            error=row["error"],
            led_to=tuple(self.way(each, depth=depth + 1) for each in told),
            sent_back_as=self._backs(row["thing"], depth) if row["kind"] == "letter" and sure else (),
            more=len(led_to) - len(told),
        )

    def stands_alone(self, row: sqlite3.Row) -> bool:
        """Whether what a call made was not told yet, and is no cause of a record."""
        return row["id"] not in self._made_told and not self._led_to(row)

    def _tries(self, record: int, depth: int) -> list[Try]:
        rows = self._db.execute(
            "SELECT invocations.*, done, outcome, reason, receives FROM attempts"
            " JOIN invocations ON invocations.id = attempts.invocation WHERE record = ? ORDER BY id",
            (record,),
        ).fetchall()
        return [self._try(row, record=record, depth=depth) for row in rows]

    def _try(self, row: sqlite3.Row, *, record: int | None, depth: int) -> Try:
        batch = self._db.execute("SELECT count(*) FROM attempts WHERE invocation = ?", (row["id"],))
        made = self._made(row["id"], record)
        shown = made if self._shown < 0 else made[: self._shown]
        return Try(
            at=row["at"],
            wall=row["wall"],
            request=row["request"],
            worker=row["worker"],
            batch=batch.fetchone()[0],
            receives=row["receives"],
            ended_at=row["ended_at"],
            took_ms=row["took_ms"],
            init_ms=row["init_ms"],
            answer=row["answer"],
            error=row["error"],
            reading=row["reading"],
            repeated=bool(row["repeated"]),
            done=None if row["done"] is None else bool(row["done"]),
            outcome=row["outcome"],
            reason=row["reason"],
            lines=self._lines(row["id"], record),
            made=tuple(
                self.made(each, depth=depth, sure=record is None or each["record"] == record)
                for each in shown
            ),
            more=len(made) - len(shown),
            accidents=self._accidents(row["id"]),
            meanwhile=self._meanwhile(row),
        )

    def _made(self, invocation: int, record: int | None) -> Sequence[sqlite3.Row]:
        """List what an invocation made for a record, or for one that is not known; for all without one."""
        return self._db.execute(
            "SELECT * FROM caused WHERE invocation = ? AND (? IS NULL OR record IS NULL OR record = ?)"
            " ORDER BY (record IS NULL), id",
            (invocation, record, record),
        ).fetchall()

    def _led_to(self, row: sqlite3.Row) -> list[int]:
        """List the rows of the records that something became."""
        if row["kind"] == "item":
            links = links_of(self._db, table=row["target"], key=row["thing"])
            return links.changes_of.get(row["id"], [])
        if row["kind"] == "object":
            found = self._db.execute(
                "SELECT id FROM records WHERE source = 'arn:aws:s3:::' || ?1"
                " AND substr(record, 1, length(?2) + 1) = ?2 || ' ' ORDER BY id",
                (row["target"], row["thing"]),
            )
        else:
            found = self._db.execute("SELECT id FROM records WHERE record = ? ORDER BY id", (row["thing"],))
        return [int(each) for (each,) in found]

    def _lines(self, invocation: int, record: int | None) -> tuple[Logged, ...]:
        """List the lines of an invocation that name the record or none."""
        own = self._db.execute("SELECT record FROM records WHERE id = ?", (record,)).fetchone()
        rows = self._db.execute(
            "SELECT * FROM lines WHERE invocation = ? AND (? IS NULL OR record IS NULL OR record = ?)"
            " ORDER BY id",
            (invocation, record, None if own is None else own[0]),
        )
        return tuple(
            Logged(
                at=row["at"],
                wall=row["wall"],
                message=row["message"],
                level=row["level"],
                record=row["record"],
                whole=row["line"],
            )
            for row in rows
        )

    def _steps(self, record: int, depth: int) -> list[Step]:
        rows = self._db.execute("SELECT * FROM steps WHERE record = ? ORDER BY id", (record,)).fetchall()
        return [self._step(row, record=record, depth=depth) for row in rows]

    def _step(self, row: sqlite3.Row, *, record: int, depth: int) -> Step:
        letter = row["letter"]
        if row["kind"] == "given up" and letter is None:  # the queue's own redrive keeps the message's id
            letter = self._db.execute("SELECT record FROM records WHERE id = ?", (record,)).fetchone()[0]
        return Step(
            at=row["at"],
            wall=row["wall"],
            kind=row["kind"],
            until=row["until"],
            detail=row["detail"],
            letter=row["letter"],
            sent_back_as=self._backs(letter, depth) if letter else (),
        )

    def _backs(self, letter: str, depth: int) -> tuple[Back, ...]:
        """Tell as what a dead letter was sent back."""
        rows = self._db.execute("SELECT * FROM sent_back WHERE letter = ? ORDER BY id", (letter,)).fetchall()
        return tuple(
            Back(
                at=row["at"],
                wall=row["wall"],
                thing=row["thing"],
                worker=row["worker"],
                way=self._way_back(row, depth),
            )
            for row in rows
        )

    def _way_back(self, row: sqlite3.Row, depth: int) -> Way | None:
        """Tell the way of a new record; one that the letter was of has its new try where it stands."""
        found = self._db.execute(
            "SELECT id FROM records WHERE record = ?1 AND id NOT IN ("
            " SELECT record FROM steps WHERE letter = ?2"
            " UNION SELECT record FROM caused WHERE thing = ?2 AND record IS NOT NULL) LIMIT 1",
            (row["thing"], row["letter"]),
        ).fetchone()
        return None if found is None or found[0] in self._told else self.way(found[0], depth=depth + 1)

    def _accidents(self, invocation: int) -> tuple[str, ...]:
        """Name what befell an invocation."""
        found = self._db.execute(
            "SELECT kind FROM accidents WHERE invocation = ? GROUP BY kind ORDER BY min(id)", (invocation,)
        )
        return tuple(kind for (kind,) in found)

    def _meanwhile(self, row: sqlite3.Row) -> tuple[str, ...]:
        """Name what went wrong at any place while an invocation ran.

        By the stage's clock; where that stands, as it may in one process, by the machine's too.
        """
        found = self._db.execute(
            "SELECT kind, place FROM accidents WHERE place != ''"
            " AND at BETWEEN ?1 AND coalesce(?2, at) AND wall BETWEEN ?3 AND coalesce(?4, wall)"
            " GROUP BY kind, place ORDER BY min(id)",
            (row["at"], row["ended_at"], row["wall"], row["ended_wall"]),
        )
        return tuple(f"{kind} of {place}" for kind, place in found)
