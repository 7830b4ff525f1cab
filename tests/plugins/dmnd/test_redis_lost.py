"""Redis is a help, never a need: killed while fans are being told, and back empty, it changes no end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from worker_runtime.local.stage.stage import Stage, StageOptions
from workers_dmnd.local.scenarios import SCENARIOS

if TYPE_CHECKING:
    from pathlib import Path

FANS = 40


@pytest.mark.long
def test_redis_lost_in_the_middle_changes_no_end(tmp_path: Path) -> None:
    scenario = next(each for each in SCENARIOS if each.name == "late-receipts")
    options = StageOptions(stack=scenario.stack, speed=scenario.speed, seed=5, state_dir=tmp_path)
    losing: list[threading.Thread] = []

    with Stage(options) as stage:

        def tell(text: str) -> None:
            if "SENT" in text and not losing:
                losing.append(threading.Thread(target=stage.lose_redis, kwargs={"down_s": 3.0}))
                losing[0].start()

        outcome = scenario.run(stage, events=FANS, faults=frozenset(), seed=5, tell=tell)
        for thread in losing:
            thread.join()

    assert losing
    assert outcome.findings == ()
    assert sum(outcome.endings.values()) == FANS
    assert "redis is down, going on without" in (tmp_path / "logs" / "dmnd.notificationSend.log").read_text()
