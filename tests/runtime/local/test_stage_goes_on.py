"""A stage that is killed in the middle of its work, and brought up again from its state folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import stage_that_goes_on
from installed import Site
from stage_that_goes_on import TASKS, options
from staged import eventually
from tiny import install_tiny, on_the_path
from worker_runtime.local.stage.keeping.state_folder import FolderInUse
from worker_runtime.local.stage.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(stage_that_goes_on.__file__)
IDLE_WITHIN_S = 40.0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")


@pytest.fixture(scope="module", autouse=True)
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Install the tiny plugin for all tests here."""
    site = Site(tmp_path_factory.mktemp("site"))
    install_tiny(site)
    with on_the_path(site):
        yield site


def killed(folder: Path, *, after_s: float) -> None:
    """Run a stage with tasks and kill its process, and nothing else, some time after they were put."""
    stage = subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, str(SCRIPT), str(folder)], stdout=subprocess.PIPE, text=True, process_group=0
    )
    assert stage.stdout is not None
    with stage.stdout as said:
        assert said.readline() == "put\n"
    time.sleep(after_s)
    os.killpg(stage.pid, signal.SIGKILL)
    stage.wait()


def results(stage: Stage) -> dict[str, float]:
    items = stage.aws("dynamodb").scan(TableName=stage.named("table", "results"))["Items"]
    return {item["PK"]["S"]: float(item["at"]["S"]) for item in items}


def refused(stage: Stage) -> list[Any]:
    return stage.dead_letters("work-dlq")


@pytest.mark.parametrize("after_s", [0.0, 0.4, 1.0])
def test_a_stage_that_was_killed_ends_as_one_that_was_not(after_s: float, tmp_path: Path) -> None:
    killed(tmp_path, after_s=after_s)

    with Stage(options(tmp_path)) as stage:
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        assert set(results(stage)) == {key for key, do in TASKS.items() if do != "reject"}
        letters = {letter.code for letter in refused(stage)}
        assert letters == {"REFUSED"}
        assert len(refused(stage)) >= list(TASKS.values()).count("reject")
        assert stage.dead_letters("watch-dlq") == []


def test_its_time_goes_on_and_its_ports_stay(tmp_path: Path) -> None:
    with Stage(options(tmp_path)) as stage:
        variables, ended_at = stage.environment(), stage.clock.now()

    time.sleep(0.5)
    with Stage(options(tmp_path)) as stage:
        again, began_at = stage.environment(), stage.clock.now()

    differing = {name for name in variables if variables[name] != again[name]}
    assert differing == {"WORKER_CLOCK"}
    assert ended_at < began_at < time.time() + 600


def test_a_message_that_was_put_off_keeps_its_time_over_a_stop(tmp_path: Path) -> None:
    with Stage(options(tmp_path)) as stage:
        began_at = stage.clock.now()
        item: Any = {"PK": {"S": "late"}, "do": {"S": "retry"}}  # 30 s of the stage, 1 of the machine
        stage.aws("dynamodb").put_item(TableName=stage.named("table", "tasks"), Item=item)
        eventually(lambda: stage.workers()["tiny.do"].retries == 1)

    with Stage(options(tmp_path)) as stage:
        stage.wait_idle(timeout_s=IDLE_WITHIN_S)

        assert results(stage)["late"] - began_at >= 30


def test_two_stages_in_one_folder_are_refused_and_two_folders_do_not_meet(tmp_path: Path) -> None:
    with Stage(options(tmp_path / "a")) as one, Stage(options(tmp_path / "b")) as other:
        item: Any = {"PK": {"S": "mine"}}
        one.aws("dynamodb").put_item(TableName=one.named("table", "tasks"), Item=item)
        one.wait_idle(timeout_s=IDLE_WITHIN_S)

        with pytest.raises(FolderInUse):
            Stage(options(tmp_path / "a")).start()

        assert set(results(one)) == {"mine"}
        assert results(other) == {}
