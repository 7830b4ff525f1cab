"""How far a stage is, worker by worker, read from its lineage: while it runs, and after it was killed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker_runtime.local.stage.lineage.schema import open_to_read

if TYPE_CHECKING:
    from pathlib import Path

_COUNTS: Final = """
SELECT worker,
    sum(done = 1) AS done,
    sum(refused) AS refused,
    sum(given_up) AS given_up,
    sum(done IS NULL AND NOT refused AND NOT given_up) AS untried,
    sum(done = 0 AND NOT given_up) AS undone,
    count(*) AS records
FROM (
    SELECT records.worker,
        records.refused IS NOT NULL AS refused,
        max(attempts.done) AS done,
        EXISTS (SELECT 1 FROM steps WHERE record = records.id AND kind = 'given up') AS given_up
    FROM records LEFT JOIN attempts ON attempts.record = records.id
    GROUP BY records.id
)
GROUP BY worker
"""
_INVOCATIONS: Final = """
SELECT worker,
    count(*) AS invocations,
    sum(ended_at IS NULL) AS running,
    sum(answer = 'crashed') AS crashed,
    sum(init_ms > 0) AS cold
FROM invocations GROUP BY worker
"""
_LETTERS: Final = """
SELECT invocations.worker, count(*) AS letters FROM caused
JOIN invocations ON invocations.id = caused.invocation
WHERE kind = 'letter' AND caused.error IS NULL GROUP BY invocations.worker
"""


class Standing(Struct, frozen=True, rename="camel", kw_only=True):
    """One worker's records: each is counted once, as it stands now.

    ``undone`` were tried and come again; ``untried`` were received and not handed over; ``dead_letters``
    the worker wrote itself; ``given_up`` Lambda or the queue did.
    """

    worker: str
    records: int = 0
    done: int = 0
    undone: int = 0
    untried: int = 0
    refused: int = 0
    given_up: int = 0
    dead_letters: int = 0
    invocations: int = 0
    running: int = 0
    crashed: int = 0
    cold: int = 0


def standing(file: Path) -> list[Standing]:
    """Count what each worker of a stage has done; raises LineageUnreadable."""
    with closing(open_to_read(file)) as db:
        told: dict[str, dict[str, int]] = {}
        for query in (_COUNTS, _INVOCATIONS, _LETTERS):
            for row in db.execute(query):
                counts = {name: int(row[name] or 0) for name in row.keys() if name != "worker"}  # noqa: SIM118 - a row's own names
                told.setdefault(row["worker"], {}).update(counts)
    return [
        Standing(
            worker=worker,
            dead_letters=counts.pop("letters", 0),
            **counts,
        )
        for worker, counts in sorted(told.items())
    ]
