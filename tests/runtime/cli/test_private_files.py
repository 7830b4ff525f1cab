"""What a stage leaves on the disk is its owner's alone."""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING

import pytest

from worker_runtime.cli.keeping import keep_up
from worker_runtime.cli.private_files import private_files
from worker_runtime.local.commands.reporting import Misuse, Output
from worker_runtime.local.stage.keeping.sqlite_memory import SqliteMemories
from worker_runtime.local.stage.keeping.state_folder import StateFolder

if TYPE_CHECKING:
    from pathlib import Path

UNHEARD = Output(io.StringIO(), as_json=True)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_state_folder_and_what_is_in_it_are_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "stage"
    path.mkdir(mode=0o755)

    with private_files(), StateFolder(path) as folder, SqliteMemories(folder.memories):
        folder.begin((), endpoint_url=None)

    assert mode(path) == 0o700
    assert {each.name: mode(each) for each in path.iterdir() if mode(each) != 0o600} == {}


def test_what_others_may_read_is_as_it_was_behind_the_block(tmp_path: Path) -> None:
    former = os.umask(0o022)
    try:
        with private_files():
            pass
        (tmp_path / "mine").touch()
    finally:
        os.umask(former)

    assert mode(tmp_path / "mine") == 0o644


def test_the_file_of_a_stage_that_is_kept_up_is_the_owners_alone_and_gone_with_it(tmp_path: Path) -> None:
    file = tmp_path / "local.env"
    seen: list[int] = []

    keep_up({"A": "1"}, file, serve=lambda: seen.append(mode(file)), output=UNHEARD)

    assert seen == [0o600]
    assert not file.exists()


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match=r"cannot write .*local\.env"):
        keep_up({}, tmp_path / "nowhere/local.env", serve=lambda: None, output=UNHEARD)
