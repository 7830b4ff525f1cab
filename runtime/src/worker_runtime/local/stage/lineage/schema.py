"""The tables of a lineage file, and how it is opened.

Times: ``at`` is the stage's clock, ``wall`` the machine's, both epoch seconds. Ids of rows grow in the
order in which things happened. A file of another version is refused: it belongs to one stage, which can
be run again.

One file is written by its stage alone, but for ``workers dead-letters redrive``, which adds a row of
``sent_back`` from outside; WAL lets anybody read meanwhile.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from worker_runtime.errors import WorkerRuntimeError

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "lineage.sqlite"
STATE_VARIABLE: Final = "WORKER_STAGE"
"""Names a running stage's state folder to commands that are led to it by its variables."""

VERSION: Final = 4
BUSY_S: Final = 5.0
PAGE_BYTES: Final = 16_384
"""SQLite's own 4,096 hold a few bodies each, and cost twice the time to write."""

_TABLES: Final = """
-- What the prints of this file are salted with.
CREATE TABLE salt (salt BLOB NOT NULL);
INSERT INTO salt VALUES (randomblob(16));
-- A stage that was started on this state folder.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL, wall REAL NOT NULL,
    speed REAL NOT NULL                 -- stage seconds a second of the machine's
);
-- A record as a worker's mapping took it; of a stream that two workers read, each has its own.
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    worker TEXT NOT NULL,
    source TEXT NOT NULL,               -- the ARN of its queue or stream, what an event says of itself
    record TEXT NOT NULL,               -- message id, sequence number, event id
    at REAL NOT NULL, wall REAL NOT NULL,
    bytes INTEGER NOT NULL,             -- as JSON in the event
    correlation TEXT,                   -- its correlation id, where it is another than its own id
    body TEXT NOT NULL,                 -- redacted unless the stage was asked otherwise; long ones cut
    item_table TEXT, item TEXT,         -- of a table change: the table, the key's values
    prints TEXT,                        -- of a table change: see prints.py
    refused TEXT,                       -- why no filter took it; NULL where one did, or none is declared
    UNIQUE (record, worker, source)     -- in this order: a record is also looked for by its id alone
);
CREATE INDEX record_correlation ON records (correlation) WHERE correlation IS NOT NULL;
CREATE INDEX record_item ON records (item, item_table) WHERE item IS NOT NULL;
-- An invocation; the tries of an asynchronous event share a request id.
CREATE TABLE invocations (
    id INTEGER PRIMARY KEY,
    worker TEXT NOT NULL,
    request TEXT NOT NULL,
    at REAL NOT NULL, wall REAL NOT NULL,
    ended_at REAL, ended_wall REAL,     -- NULL while it runs, or where the stage ended first
    took_ms REAL, init_ms REAL,         -- the machine's; init_ms is 0 where the process was warm
    answer TEXT,                        -- reply, function error, timed out, crashed, init failed, stopped
    error TEXT,                         -- type and message of what is no reply
    reading TEXT,                       -- how Lambda read it: all done, some failed, all failed
    repeated INTEGER NOT NULL           -- 1 where it went well before and was delivered twice
);
CREATE INDEX invocation_request ON invocations (request);
-- A record in an invocation.
CREATE TABLE attempts (
    invocation INTEGER NOT NULL REFERENCES invocations,
    record INTEGER NOT NULL REFERENCES records,
    receives INTEGER,                   -- how often the queue has handed it out, this time included
    done INTEGER,                       -- whether Lambda took it for done; NULL where nobody knows
    outcome TEXT,                       -- done, skip, retry, defer, reject, unstarted: the worker's own words
    reason TEXT,
    PRIMARY KEY (invocation, record)
) WITHOUT ROWID;
CREATE INDEX attempt_record ON attempts (record);
-- A line that a worker printed; those of metrics are left out.
CREATE TABLE lines (
    id INTEGER PRIMARY KEY,
    invocation INTEGER REFERENCES invocations,
    worker TEXT NOT NULL,
    at REAL NOT NULL, wall REAL NOT NULL,
    level TEXT, record TEXT,            -- the record id that the line names
    message TEXT NOT NULL,
    line TEXT                           -- whole, where it says more than its message
);
CREATE INDEX line_invocation ON lines (invocation);
-- What a worker's call to AWS made: a message, a stream's record, an item, an object, an event.
CREATE TABLE caused (
    id INTEGER PRIMARY KEY,
    invocation INTEGER REFERENCES invocations,
    record INTEGER REFERENCES records,  -- for which record, where that is known
    known_by TEXT,                      -- how: alone, named, same body, correlation, key
    at REAL NOT NULL, wall REAL NOT NULL,
    verb TEXT NOT NULL,                 -- the operation: SendMessage, UpdateItem
    kind TEXT NOT NULL,                 -- message, letter, deferral, record, item, object, event, execution
    target TEXT NOT NULL,               -- queue, stream, table, bucket, topic, bus: its name
    thing TEXT NOT NULL,                -- message id, sequence number, key's values; empty where it failed
    prints TEXT,                        -- of an item: prints of what was set
    error TEXT                          -- AWS's error code, where it was refused
);
CREATE INDEX caused_thing ON caused (thing);
CREATE INDEX caused_record ON caused (record);
CREATE INDEX caused_invocation ON caused (invocation);
-- What became of a record between its invocations and at its end.
CREATE TABLE steps (
    id INTEGER PRIMARY KEY,
    record INTEGER NOT NULL REFERENCES records,
    at REAL NOT NULL, wall REAL NOT NULL,
    kind TEXT NOT NULL,                 -- waits, throttled, split, deleted, given up
    until REAL,                         -- of waits: when it comes again, on the stage's clock
    detail TEXT,                        -- of waits, given up: why; throttled: how often; split: sizes
    letter TEXT                         -- of given up: the message id of what Lambda wrote
);
CREATE INDEX step_record ON steps (record);
CREATE INDEX step_letter ON steps (letter) WHERE letter IS NOT NULL;
-- How far a shard was worked off: the last checkpoint of each.
CREATE TABLE checkpoints (
    worker TEXT NOT NULL, shard TEXT NOT NULL,
    at REAL NOT NULL, wall REAL NOT NULL,
    sequence TEXT NOT NULL,
    PRIMARY KEY (worker, shard)
) WITHOUT ROWID;
-- A dead letter that went back: as a message, or as a record to its worker.
CREATE TABLE sent_back (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL, wall REAL NOT NULL,
    letter TEXT NOT NULL,               -- its message id
    worker TEXT NOT NULL,
    thing TEXT NOT NULL                 -- the new message's id, or the record's
);
CREATE INDEX sent_back_thing ON sent_back (thing);
CREATE INDEX sent_back_letter ON sent_back (letter);
-- What went wrong on purpose: to one invocation of a worker, or at a place that any of them may need.
CREATE TABLE accidents (
    id INTEGER PRIMARY KEY,
    invocation INTEGER REFERENCES invocations,  -- NULL at a place, and where a throttle left none
    request TEXT NOT NULL,              -- the invocation's, a throttled one's too; empty at a place
    at REAL NOT NULL, wall REAL NOT NULL,
    kind TEXT NOT NULL,                 -- of an invocation: throttle, early crash, crash, late crash,
                                        -- lost reply, malformed reply, duplicate, delay, reorder;
                                        -- at a place: outage, latency
    worker TEXT NOT NULL,               -- empty at a place
    place TEXT NOT NULL                 -- AWS, Redis, an outside service; empty of an invocation
);
CREATE INDEX accident_invocation ON accidents (invocation) WHERE invocation IS NOT NULL;
"""


class LineageUnreadable(WorkerRuntimeError):
    """There is no lineage file, or one that this version cannot read."""


def open_to_write(file: Path) -> sqlite3.Connection:
    """Open a lineage file, made where there is none; raises LineageUnreadable."""
    db = _connected(str(file))
    db.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # of a new file
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
        db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    return _checked(db, file)


def salt_of(db: sqlite3.Connection) -> bytes:
    """Return what the prints of a file are made with."""
    (salt,) = db.execute("SELECT salt FROM salt").fetchone()
    return bytes(salt)


def open_to_read(file: Path) -> sqlite3.Connection:
    """Open a lineage file to look at it, also while its stage runs; raises LineageUnreadable."""
    if not file.is_file():
        raise LineageUnreadable(f"there is no {FILE} in {file.parent}; name a stage's state folder.")
    db = _checked(_connected(f"{file.resolve().as_uri()}?mode=rw"), file)  # WAL needs more than ro
    db.execute("PRAGMA query_only = ON")
    db.row_factory = sqlite3.Row
    return db


def _connected(file: str) -> sqlite3.Connection:
    uri = file.startswith("file:")
    return sqlite3.connect(
        file, timeout=BUSY_S, isolation_level=None, check_same_thread=False, uri=uri, cached_statements=256
    )


def _checked(db: sqlite3.Connection, file: Path) -> sqlite3.Connection:
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        db.close()
        raise LineageUnreadable(f"{file} is no lineage file: {error}.") from error
    if version != VERSION:
        db.close()
        raise LineageUnreadable(
            f"{file} is of version {version}, and this is {VERSION}; remove it and run the stage again."
        )
    return db
