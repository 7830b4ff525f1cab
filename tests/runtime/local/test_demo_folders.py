"""Demos leave their files for a day and no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.clock import RealClock, SteppedClock
from worker_runtime.local.demo.folders import KEPT_S, new_folder

if TYPE_CHECKING:
    from pathlib import Path


def days_on(days: float) -> SteppedClock:
    return SteppedClock(RealClock().now() + days * KEPT_S)


def test_a_demo_leaves_the_folders_of_the_same_day(tmp_path: Path) -> None:
    earlier = new_folder(within=tmp_path)

    later = new_folder(within=tmp_path, clock=days_on(0.9))

    assert set(tmp_path.iterdir()) == {earlier, later}


def test_a_demo_removes_the_folders_of_the_day_before(tmp_path: Path) -> None:
    earlier = new_folder(within=tmp_path)
    (earlier / "worker.log").write_text("done")

    later = new_folder(within=tmp_path, clock=days_on(1.1))

    assert list(tmp_path.iterdir()) == [later]


def test_what_is_no_folder_of_a_demo_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "workers-demo-link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "workers-demo-notes").write_text("mine")

    later = new_folder(within=tmp_path, clock=days_on(2))

    kept = {"elsewhere", "workers-demo-link", "workers-demo-notes", later.name}
    assert {each.name for each in tmp_path.iterdir()} == kept
