"""A stage's status as people read it."""

from __future__ import annotations

import io
import json

from msgspec.structs import replace

from worker_runtime.cli.shown_status import show_status
from worker_runtime.local.commands.reporting import Output
from worker_runtime.local.serving.status import Depth, Status
from worker_runtime.local.stage.counting import WorkerCounts

STATUS = Status(
    state="running",
    folder=".stage",
    pid=7,
    stacks=("shop",),
    speed=1.0,
    up_since=0,
    told_at=0,
    stage_time=0,
    endpoint_url="http://127.0.0.1:4566",
    logs=".stage/logs",
    workers={"shop.pay": WorkerCounts(invocations=1, records=12)},
    queues=(
        Depth(queue="orders", dead_letters=False, waiting=123, hidden=0, delayed=4),
        Depth(queue="orders-dlq", dead_letters=True, waiting=5, hidden=0, delayed=0),
    ),
)


def told(status: Status) -> str:
    out = io.StringIO()
    show_status(status, Output(out, as_json=False))
    return out.getvalue()


def test_workers_and_queues_are_told_in_lines_of_one_form() -> None:
    assert told(STATUS).endswith(
        """
worker    calls  records  retries  deferred  skipped  dead  crashes  time
shop.pay      1       12        0         0        0     0        0  0.0s
records: deliveries, repeats included; time: spent inside the workers.
All counts: since it was brought up last.

queue                      waiting  hidden  delayed
orders                         123       0        4
orders-dlq (dead letters)        5       0        0
"""
    )


def test_where_it_does_not_run_the_counts_are_the_end_and_no_line_is_empty_behind_them() -> None:
    stopped = replace(STATUS, state="stopped", queues=None)

    assert told(stopped).splitlines()[-1] == "All counts: since it was brought up last."


def test_programs_read_one_spelling_of_names() -> None:
    out = io.StringIO()

    show_status(STATUS, Output(out, as_json=True))

    assert {"deadLetters", "busyS"} < json.loads(out.getvalue())["workers"]["shop.pay"].keys()
