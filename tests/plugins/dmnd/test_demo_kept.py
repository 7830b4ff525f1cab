"""``workers demo --keep``: a stage that stays up, and what the plugin's README does with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demos import demo
from kept_demos import ROOT, commands_to_try, kept, tried
from worker_runtime.local.commands.inputs import read_variables

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.long
def test_the_readmes_commands_can_be_tried_on_the_stage_that_is_kept(tmp_path: Path) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    keeping, *commands = commands_to_try("dmnd")

    with kept(tmp_path, *keeping, "--in-process") as stage:
        ended = [tried(tmp_path, *arguments) for arguments in commands]

    assert len(ended) > 5
    assert [(done.args[3:], done.stderr) for done in ended if done.returncode] == []
    assert "S3E30B48A00" in next(done.stdout for done in ended if "--all" in done.args)
    assert stage.returncode == 0


def test_the_variables_lead_to_the_stage_and_are_gone_with_it(tmp_path: Path) -> None:
    file = tmp_path / "local.env"

    with kept(
        tmp_path, "demo", "short-links", "--in-process", "--events", "10", "--keep", str(file)
    ) as stage:
        variables = read_variables(file)

    assert variables["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert variables["DEMAND_TABLE"] == "local-demand-table"
    assert stage.returncode == 0
    assert not file.exists()


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.env").write_text("mine", encoding="utf-8")

    ran = demo(tmp_path, "short-links", "--keep", "mine.env")

    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr == "workers: mine.env is there already; name another file, or remove it.\n"
    assert (tmp_path / "mine.env").read_text(encoding="utf-8") == "mine"
