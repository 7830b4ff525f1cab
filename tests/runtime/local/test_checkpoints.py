"""Checkpoints survive the stage, however it ended, and their file does not grow without end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.local.stage.polling.checkpoints import Checkpoints
from worker_runtime.local.stage.polling.feeds import HORIZON, Position

if TYPE_CHECKING:
    from pathlib import Path


def after(sequence: int) -> Position:
    return Position("AFTER_SEQUENCE_NUMBER", str(sequence))


def test_the_last_position_of_each_shard_is_gone_on_from(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints"
    before = Checkpoints(file)
    before.put("w", "shard 1", HORIZON)
    before.put("w", "shard 2", after(5))
    before.put("w", "shard 1", after(7))

    again = Checkpoints(file)

    assert again.get("w", "shard 1") == after(7)
    assert again.get("w", "shard 2") == after(5)
    assert again.get("other", "shard 1") is None


def test_a_move_that_a_killed_stage_was_writing_counts_for_nothing(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints"
    before = Checkpoints(file)
    before.put("w", "shard", after(1))
    before.put("w", "shard", after(2))
    with file.open("a") as written:
        written.write('["w shard", "AFTER_SEQ')

    again = Checkpoints(file)
    again.put("w", "other", after(3))

    assert Checkpoints(file).get("w", "shard") == after(2)
    assert Checkpoints(file).get("w", "other") == after(3)


def test_the_file_stays_small_however_often_shards_move(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints"
    checkpoints = Checkpoints(file)

    for sequence in range(25_000):
        checkpoints.put("w", "shard", after(sequence))

    assert file.stat().st_size < 10_001 * 60
    assert Checkpoints(file).get("w", "shard") == after(24_999)
