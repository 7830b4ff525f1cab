"""The README's chapter "Try it", from top to bottom: a demo that stays up, and what is done meanwhile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kept_demos import ROOT, commands_to_try, kept, tried

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.long
def test_what_there_is_to_try_works_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    keeping, *commands = commands_to_try("pipeline")

    with kept(tmp_path, *keeping, "--in-process") as stage:
        ended = [tried(tmp_path, *arguments) for arguments in commands]

    dry, wet, looked = (
        next(done.stdout for done in ended if said in done.args) for said in ("--dry-run", "--yes", "--json")
    )
    assert len(ended) > 5
    assert [(done.args[3:], done.stdout, done.stderr) for done in ended if done.returncode] == []
    assert "it would go to the bucket local-demand-capture" in dry
    assert "another type than asked for" in wet
    assert json.loads(looked)["total"]["duplicates"] == 0
    assert stage.returncode == 0
