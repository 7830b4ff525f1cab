"""Which shards are polled and when, through splits and merges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.local.stage.polling.feeds import HORIZON, LATEST, Position, ShardInfo
from worker_runtime.local.stage.polling.shard_order import beginnings, ready

if TYPE_CHECKING:
    from worker_runtime.sources.streams import Start

PARENT = ShardInfo("0", (), is_open=False)
LEFT = ShardInfo("1", ("0",), is_open=True)
RIGHT = ShardInfo("2", ("0",), is_open=True)
MERGED = ShardInfo("3", ("1", "2"), is_open=True)
SPLIT = [PARENT, LEFT, RIGHT]
DONE = Position("AFTER_SEQUENCE_NUMBER", "7")


def begun(
    listed: list[ShardInfo], *, start: Start = "LATEST", **checkpoints: Position
) -> dict[str, Position | None]:
    kept = {name.removeprefix("shard_"): position for name, position in checkpoints.items()}
    return beginnings(listed, start=start, checkpoint=kept.get)


def test_the_latest_records_are_those_of_the_open_shards() -> None:
    assert begun(SPLIT) == {"1": LATEST, "2": LATEST}


def test_from_the_horizon_on_children_wait_for_their_parents() -> None:
    assert begun(SPLIT, start="TRIM_HORIZON") == {"0": HORIZON, "1": None, "2": None}


def test_children_wait_for_a_parent_that_was_not_worked_off() -> None:
    assert begun(SPLIT, shard_0=DONE) == {"0": DONE, "1": None, "2": None}


def test_children_of_a_parent_that_is_gone_are_read_from_their_beginning() -> None:
    assert begun([LEFT, RIGHT], shard_0=DONE) == {"1": HORIZON, "2": HORIZON}


def test_a_grandchild_waits_while_its_parents_do() -> None:
    assert begun([*SPLIT, MERGED], shard_0=DONE)["3"] is None


def test_a_child_is_ready_when_all_that_it_continues_is_worked_off() -> None:
    listed = [LEFT, RIGHT, MERGED]

    one = ready(listed, polled={"1", "2"}, ended={"1"}, passed_over=())
    both = ready(listed, polled={"1", "2"}, ended={"1", "2"}, passed_over=())

    assert (one, both) == ([], ["3"])


def test_a_child_waits_for_a_parent_that_is_gone_and_still_worked_on() -> None:
    assert ready([MERGED], polled={"1", "2"}, ended={"1"}, passed_over=()) == []


def test_only_the_next_generation_is_ready() -> None:
    assert ready([*SPLIT, MERGED], polled={"0"}, ended={"0"}, passed_over=()) == ["1", "2"]


def test_what_was_passed_over_is_never_ready_and_holds_nothing_up() -> None:
    listed = [PARENT, LEFT, RIGHT, MERGED]

    assert ready(listed, polled={"1", "2"}, ended={"1", "2"}, passed_over={"0"}) == ["3"]
