"""A plugin for tests of asynchronous sources: letters by SNS, parcels by S3, telegrams by EventBridge."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from installed import WORKERS
from tiny import on_the_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from installed import Site
    from worker_runtime.local.stage.stage import Stage

DELIVERING = '''
"""Note what came, and do with it what it asks for."""

import json
import time

from msgspec import Struct

from worker_runtime import (
    Environment, EventBridge, Invocation, Invoke, Record, Reject, S3, S3Object, Sns, Sqs, Stack, clock, puts,
    queries, worker,
)
from worker_runtime.clients.dynamodb import Table

POST = Stack("post")
GRANTS = (puts("notes"), queries("notes"))


class Asked(Struct):
    """What to do: succeed at the try of this number, reject, take so many of the machine's seconds."""

    name: str
    at_try: int = 1
    reject: bool = False
    takes_s: float = 0


class Slip(Exception):
    """It went wrong."""


def note(asked: Asked, raw: object, environment: Environment, invocation: Invocation) -> str:
    table = Table(environment.named("table", "notes"))
    table.put({
        "PK": asked.name, "SK": f"{clock.now()} {invocation.request_id}", "raw": json.dumps(raw),
    })
    time.sleep(asked.takes_s)
    if asked.reject:
        raise Reject("UNWANTED", "as asked")
    if table.count("PK = :name", values={"name": asked.name}) < asked.at_try:
        raise Slip(f"{asked.name}: as asked")
    return asked.name


@worker(
    Sns("letters", filter_policy={"kind": ["letter", {"anything-but": ["parcel", "bill"]}]},
        dead_letters="letters-dlq"),
    stack=POST, grants=GRANTS, timeout_s=30, reserved_concurrency=2,
)
def letter(letter: Record[Asked], *, environment: Environment, invocation: Invocation) -> None:
    """Take a letter."""
    note(letter.body, letter.raw, environment, invocation)


@worker(
    S3("parcels", events=("ObjectCreated:*", "ObjectRemoved:Delete"), prefix="in/", suffix=".json",
       dead_letters="parcels-dlq"),
    stack=POST, grants=GRANTS, timeout_s=30,
)
def parcel(parcel: Record[S3Object], *, environment: Environment, invocation: Invocation) -> None:
    """Take a parcel, whose key says what to do: in/NAME-TRY.json."""
    name, _, tries = parcel.body.key.removeprefix("in/").removesuffix(".json").partition("-")
    note(Asked(f"{name} {parcel.body.event_name}", int(tries or 1)), parcel.raw, environment, invocation)


@worker(
    EventBridge("telegrams", pattern={"source": ["post"], "detail": {"name": [{"exists": True}]}},
                bus="wires", retries=1, dead_letters="telegrams-dlq"),
    stack=POST, grants=GRANTS, timeout_s=30,
)
def telegram(telegram: Record[Asked], *, environment: Environment, invocation: Invocation) -> None:
    """Take a telegram."""
    note(telegram.body, telegram.raw, environment, invocation)


@worker(
    EventBridge("arrivals", pattern={"source": ["aws.s3"], "detail-type": ["Object Created"]},
                dead_letters="arrivals-dlq"),
    stack=POST, grants=GRANTS, timeout_s=30,
)
def arrival(thing: Record[S3Object], *, environment: Environment, invocation: Invocation) -> None:
    """Take what S3 tells by way of EventBridge."""
    note(Asked(f"arrived {thing.body.key}"), thing.raw, environment, invocation)


@worker(Invoke(), stack=POST, grants=GRANTS, timeout_s=30, reserved_concurrency=1)
def counter(asked: Asked, *, environment: Environment, invocation: Invocation) -> str:
    """Serve whoever comes to the counter."""
    return note(asked, {}, environment, invocation)


@worker(Sqs("sorting", dead_letters="sorting-dlq"), stack=POST, grants=GRANTS, timeout_s=30)
def sort(letter: Record[Asked], *, environment: Environment, invocation: Invocation) -> None:
    """Take what a topic sent to a queue."""
    note(letter.body, letter.raw, environment, invocation)
'''

LOCAL = '''
"""What others own."""

from worker_runtime import hookimpl
from worker_runtime.local.offers import OutsideTable


@hookimpl
def stand_ins():
    """Offer the table."""
    return [OutsideTable(name="notes")]
'''

NAMES = ("letter", "parcel", "telegram", "arrival", "counter", "sort")


@contextmanager
def post_office(site: Site) -> Iterator[None]:
    """Install the plugin and put it on the path, until the end."""
    site.install(
        "workers-post",
        files={
            "post/__init__.py": "",
            "post/delivering.py": DELIVERING,
            "post/plugin.py": "WORKER_API = (1, 0)\n",
            "post/local.py": LOCAL,
        },
        entry_points={
            WORKERS: {f"post.{name}": f"post.delivering:{name}" for name in NAMES},
            "worker_runtime.plugins": {"post": "post.plugin"},
            "worker_runtime.local": {"post": "post.local"},
        },
    )
    with on_the_path(site):
        yield


def notes(stage: Stage) -> dict[str, list[dict[str, Any]]]:
    """List what the workers noted: by name, in order, when and of which record."""
    items = stage.aws("dynamodb").scan(TableName=stage.named("table", "notes"))["Items"]
    noted: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in sorted(items, key=lambda each: each["SK"]["S"]):
        at, request_id = item["SK"]["S"].split()
        raw = json.loads(item["raw"]["S"])
        noted[item["PK"]["S"]].append({"at": float(at), "raw": raw, "request_id": request_id})
    return noted


def until(stage: Stage, come_true: Callable[[], Any], *, within_s: float = 20.0) -> Any:
    """Let the stage work until something is true, and return it."""
    deadline = time.monotonic() + within_s
    while not (value := come_true()):
        assert time.monotonic() < deadline, "it did not come true in time"
        stage.look_again(within_s=0.02)
    return value
