"""Redis is a help, never a need: killed while fans are being told, and back empty, it changes no end."""

from __future__ import annotations

import threading
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, Final, Self, cast

import pytest
import redis

from worker_runtime.local.stage.stage import Stage, StageOptions
from workers_dmnd.local.demos import SCENARIOS

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from worker_runtime.local.demo.outcome import Outcome
    from workers_dmnd.local.sms import SmsStandIn

SCENARIO: Final = next(each for each in SCENARIOS if each.name == "late-receipts")
SEED: Final = 5
FANS: Final = 24
TOLD: Final = 6
"""Fans who have their SMS when Redis is lost; most of the others get theirs without it."""

DOWN_S: Final = 1.5  # of the machine's time: a minute and a half of the stage's
LOOK_S: Final = 0.02


class RedisLoss:
    """Kills a stage's Redis once some fans are told, and has an empty one back; inside a ``with``.

    ``accepted`` counts the SMS that were accepted when it was killed, when it was back and at the end,
    ``links`` the short links that it kept, when it was killed and at the end.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._sms = cast("SmsStandIn", stage.stand_in("sms"))
        self._url = stage.environment()["DMND_REDIS_URL"]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._lose, name="redis-loss")
        self.accepted: list[int] = []
        self.links: list[int] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._note_links()
        self._note_accepted()

    def _lose(self) -> None:
        while len(self._sms.messages) < TOLD:
            if self._over.wait(LOOK_S):
                return
        self._note_links()
        self._note_accepted()
        self._stage.lose_redis(down_s=DOWN_S)
        self._note_accepted()

    def _note_accepted(self) -> None:
        self.accepted.append(len(self._sms.messages))

    def _note_links(self) -> None:
        with closing(redis.Redis.from_url(self._url)) as asked:
            self.links.append(sum(1 for _ in asked.scan_iter("bitly:*")))


def played(folder: Path, *, loses_redis: bool) -> tuple[Outcome, RedisLoss | None]:
    """Play the scenario on a stage of its own; its logs are in the folder."""
    options = StageOptions(stacks=(SCENARIO.stack,), speed=SCENARIO.speed, seed=SEED, state_dir=folder)
    with Stage(options) as stage:
        losing: AbstractContextManager[RedisLoss | None] = RedisLoss(stage) if loses_redis else nullcontext()
        with losing as loss:
            outcome = SCENARIO.run(stage, events=FANS, faults=frozenset(), seed=SEED, tell=lambda _: None)
    return outcome, loss


@pytest.mark.long
def test_a_run_that_loses_redis_while_fans_are_told_ends_as_one_that_does_not(tmp_path: Path) -> None:
    undisturbed, _ = played(tmp_path / "undisturbed", loses_redis=False)
    disturbed, loss = played(tmp_path / "disturbed", loses_redis=True)

    assert loss is not None
    told_when_killed, told_when_back, told = loss.accepted
    assert TOLD <= told_when_killed < told_when_back < told
    assert loss.links == [1, 0]
    log = (tmp_path / "disturbed" / "logs" / "dmnd.notificationSend.log").read_text()
    assert "redis is down, going on without" in log
    assert (disturbed.findings, undisturbed.findings) == ((), ())
    assert (disturbed.state, disturbed.endings) == (undisturbed.state, undisturbed.endings)
