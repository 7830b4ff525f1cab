"""What a queue's poller leaves alone once its stage ends: on a planned queue whose time jumps."""

from __future__ import annotations

import pytest

from planned import Plan
from planned_queue import PlannedQueue
from worker_runtime import Sqs
from worker_runtime.local.stage.polling.staged_records import PAYLOAD_BYTES

ONE_RECEIVE = Sqs("planned", batch_size=1, max_receives=1)


@pytest.mark.parametrize("cut_short", [False, True])
def test_a_stage_that_ends_spends_no_receive_on_what_waits_behind_its_last_batch(*, cut_short: bool) -> None:
    world = PlannedQueue(ONE_RECEIVE, faults=set(), seed=0, concurrent=1, payload_bytes=PAYLOAD_BYTES)
    world.clock.sleep(1)  # the poller looks out for news
    world.send("", Plan(), size=1)
    waiting = world.send("", Plan(), size=1)
    world.clock.sleep(1)  # the first is in flight, and the poller waits for its place

    world.end(cut_short=cut_short)
    world.begin()
    world.settle()
    world.end()

    assert waiting in world.witness.done
    assert waiting not in world.dead
