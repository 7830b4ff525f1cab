"""Whole stages on which a schedule ticks: real worker processes, a clock that runs fast, an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from installed import WORKERS, Site
from staged import eventually
from tiny import on_the_path
from worker_runtime.local.stage.stage import Stage, StageOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEED = 120.0  # a tick each half second
MODES = pytest.mark.parametrize("in_process", [False, True], ids=["processes", "in-process"])

TICKING = '''
"""A clock that notes its own ticks."""

from msgspec import Struct

from worker_runtime import Environment, Invocation, Schedule, Stack, clock, puts, worker
from worker_runtime.clients.dynamodb import Table


class Said(Struct):
    sale_id: str
    at: float


class Asked(Struct):
    sale_id: str = ""


@worker(
    Schedule("rate(1 minute)"),
    stack=Stack("clockwork"),
    grants=(puts("ticks"),),
    timeout_s=60,
    reserved_concurrency=1,
)
def tick(asked: Asked, *, invocation: Invocation, environment: Environment) -> Said:
    """Note a tick."""
    table = Table(environment.named("table", "ticks"))
    table.put({"PK": invocation.request_id, "SK": str(clock.now())})
    return Said(asked.sale_id, clock.now())
'''
LOCAL = '''
"""What others own."""

from worker_runtime import hookimpl
from worker_runtime.local.offers import OutsideTable


@hookimpl
def stand_ins():
    """Offer the table."""
    return [OutsideTable(name="ticks")]
'''


@pytest.fixture(scope="module", autouse=True)
def clockwork(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the plugin for all tests here."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.install(
        "workers-clockwork",
        files={
            "clockwork/__init__.py": "",
            "clockwork/ticking.py": TICKING,
            "clockwork/plugin.py": "WORKER_API = (1, 0)\n",
            "clockwork/local.py": LOCAL,
        },
        entry_points={
            WORKERS: {"clockwork.tick": "clockwork.ticking:tick"},
            "worker_runtime.plugins": {"clockwork": "clockwork.plugin"},
            "worker_runtime.local": {"clockwork": "clockwork.local"},
        },
    )
    with on_the_path(site):
        yield


def options(**given: Any) -> StageOptions:
    return StageOptions(**{"stacks": ("clockwork",), "speed": SPEED, **given})


def ticks(stage: Stage) -> list[tuple[str, float]]:
    """List the ticks that were noted: request id and when, in order."""
    items = stage.aws("dynamodb").scan(TableName=stage.named("table", "ticks"))["Items"]
    noted = [(item["PK"]["S"], float(item["SK"]["S"])) for item in items]
    return sorted(noted, key=lambda each: each[1])


@MODES
def test_a_schedule_ticks_on_the_stage_s_clock_and_lets_it_be_idle(*, in_process: bool) -> None:
    with Stage(options(in_process=in_process)) as stage:
        eventually(lambda: len(ticks(stage)) >= 4, on=stage)
        stage.wait_idle(timeout_s=10)
        noted, counts = ticks(stage), stage.workers()["clockwork.tick"]
        passed_s = stage.clock.now() - stage.clock.origin

    assert len({request_id for request_id, _ in noted}) == len(noted)
    assert len(noted) <= counts.invocations <= passed_s / 60
    assert (counts.retries, counts.dead_letters, counts.crashes) == (0, 0, 0)


def test_a_scheduled_worker_is_invoked_by_hand_with_a_payload() -> None:
    with Stage(options(in_process=True, speed=1.0)) as stage:
        said = stage.invoke("clockwork.tick", {"sale_id": "s-1"})

    assert said["sale_id"] == "s-1"


def test_under_duplicates_some_ticks_come_twice_under_their_id() -> None:
    with Stage(options(in_process=True, speed=600.0, faults=frozenset({"duplicate"}))) as stage:
        told = eventually(lambda: stage.workers()["clockwork.tick"].invocations - len(ticks(stage)), on=stage)

    assert told > 0  # a tick that comes again does so at the same moment of this clock, and is the same item
