"""A third-party plugin for tests of the stage: a table's changes become messages, messages become results."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installed import Site

WORKERS = '''
"""Changes of tasks in, messages out; messages in, results out."""

import os

from msgspec import Struct

from worker_runtime import (
    Batch, Change, Defer, Record, Reject, Retry, Skip, Sqs, Stack, TableStream, puts, sends, worker
)
from tiny_things.services import Results, Work

TINY = Stack("tiny")


class Task(Struct):
    PK: str
    do: str = ""


@worker(
    TableStream("tasks", kinesis="task-stream", batch_size=10, dead_letters="watch-dlq",
                filters=({"eventName": ["INSERT", "MODIFY"]},)),
    stack=TINY,
    grants=(sends("work"),),
    timeout_s=60,
)
def watch(changes: Batch[Change[Task]], *, work: Work) -> None:
    """Queue each changed task."""
    for change in changes:
        if change.body.new.do == "spoil":
            changes.reject(change, "SPOILT", "as asked")
        else:
            work.send({"PK": change.body.new.PK, "do": change.body.new.do})


@worker(
    Sqs("work", max_receives=3, dead_letters="work-dlq"),
    stack=TINY,
    grants=(puts("results"),),
    timeout_s=60,
)
def do(task: Record[Task], *, results: Results) -> None:
    """Do what a task asks, and note it."""
    match task.body.do:
        case "reject":
            raise Reject("REFUSED", "as asked")
        case "retry" if task.attempt == 1:
            raise Retry(30)
        case "defer" if not task.deferrals:
            raise Defer(60)
        case "skip":
            raise Skip("as asked")
        case "vanish" if task.attempt == 1:
            os._exit(1)
    results.note(task.body.PK)
'''

SERVICES = '''
"""What the workers ask for."""

from typing import Protocol


class Work(Protocol):
    def send(self, task: dict) -> None: ...


class Results(Protocol):
    def note(self, key: str) -> None: ...
'''

PLUGIN = '''
"""Who serves the workers."""

import json

from worker_runtime import Environment, hookimpl, provide
from worker_runtime.clients.dynamodb import Table
from worker_runtime.clients.sqs import Message, Queue
from worker_runtime import clock
from tiny_things.services import Results, Work

WORKER_API = (1, 0)


class WorkQueue:
    def __init__(self, queue):
        self._queue = queue

    def send(self, task):
        self._queue.send_one(Message(json.dumps(task)))


class ResultTable:
    def __init__(self, table):
        self._table = table

    def note(self, key):
        self._table.put({"PK": key, "at": str(clock.now())})


@provide
def work(environment: Environment) -> Work:
    """Send over SQS."""
    return WorkQueue(Queue(environment.named("queue", "work")))


@provide
def results(environment: Environment) -> Results:
    """Note in DynamoDB."""
    return ResultTable(Table(environment.named("table", "results")))


@hookimpl
def services():
    """Offer them."""
    return [work, results]
'''

LOCAL = '''
"""What others own."""

from worker_runtime import hookimpl
from worker_runtime.local.offers import OutsideService, OutsideTable
from worker_runtime.testing import Response, StandIn


class Customer(StandIn):
    """A service that orders work itself, over the queue."""

    def handle(self, request):
        return Response()

    def connect(self, reach):
        self._sqs, self._queue = reach.aws("sqs"), reach.named("queue", "work")

    def order(self, task):
        self._sqs.send_message(QueueUrl=self._queue, MessageBody=task)


CUSTOMER = OutsideService(
    name="customer",
    make=lambda clock, seed: Customer(clock=clock, seed=seed),
    setting="http.customer.baseUrl",
    connect=lambda customer, reach: customer.connect(reach),
)


@hookimpl
def stand_ins():
    """Offer both tables and the customer."""
    tables = [OutsideTable(name=name, range_key=None) for name in ("tasks", "results")]
    return [*tables, CUSTOMER]
'''


def install_tiny(site: Site) -> None:
    """Install the plugin; its stack is ``tiny``."""
    site.install(
        "workers-tiny",
        files={
            "tiny_things/__init__.py": "",
            "tiny_things/work.py": WORKERS,
            "tiny_things/services.py": SERVICES,
            "tiny_things/plugin.py": PLUGIN,
            "tiny_things/local.py": LOCAL,
        },
        entry_points={
            "worker_runtime.workers": {
                "tiny.watch": "tiny_things.work:watch",
                "tiny.do": "tiny_things.work:do",
            },
            "worker_runtime.plugins": {"tiny": "tiny_things.plugin"},
            "worker_runtime.local": {"tiny": "tiny_things.local"},
        },
    )


@contextmanager
def on_the_path(site: Site) -> Iterator[None]:
    """Let this process and those that it starts find what is installed in ``site``."""
    folder, before, known = str(site.folder), os.environ.get("PYTHONPATH"), set(sys.modules)
    sys.path.insert(0, folder)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (folder, before)))
    try:
        yield
    finally:
        sys.path.remove(folder)
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
        for name in set(sys.modules) - known:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(folder):
                del sys.modules[name]
