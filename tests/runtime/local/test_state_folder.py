"""A stage's state folder: used by one stage at a time, refused in one line where no stage can go on in it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from worker_runtime.local.stage.keeping.state_folder import (
    FolderInUse,
    FolderRefused,
    StateFolder,
    read_begun,
    user_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def begun(path: Path) -> Iterator[StateFolder]:
    with StateFolder(path) as folder:
        folder.begin(("shop",), endpoint_url=None)
        yield folder


def left(path: Path) -> None:
    """Begin a stage's folder and leave it."""
    with begun(path):
        pass


def test_a_folder_in_use_is_refused_with_the_cure(tmp_path: Path) -> None:
    with begun(tmp_path / "stage"), pytest.raises(FolderInUse) as refused:
        StateFolder(tmp_path / "stage").start()

    assert str(refused.value) == (
        f"{tmp_path / 'stage'} is in use by a stage that runs; stop it with"
        f" `workers stage down --state {tmp_path / 'stage'}`, or name another folder with --state."
    )


def test_a_folder_tells_who_uses_it(tmp_path: Path) -> None:
    assert user_of(tmp_path) is None

    with begun(tmp_path):
        assert user_of(tmp_path) == os.getpid()

    assert user_of(tmp_path) is None


def test_a_folder_that_was_left_is_taken_again(tmp_path: Path) -> None:
    left(tmp_path)

    with begun(tmp_path):
        told = read_begun(tmp_path)

    assert told is not None
    assert told.stacks == ("shop",)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear all")

    with pytest.raises(FolderRefused, match=r"is no stage's folder: it holds letters\.txt"):
        StateFolder(tmp_path).start()

    assert [each.name for each in tmp_path.iterdir()] == ["letters.txt"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "stage"
    file.touch()

    with pytest.raises(FolderRefused, match="is no folder"):
        StateFolder(file).start()


def test_a_folder_of_another_version_is_refused_with_the_cure(tmp_path: Path) -> None:
    left(tmp_path)
    told = (tmp_path / "stage.json").read_text()
    (tmp_path / "stage.json").write_text(told.replace('"format": 1', '"format": 99'))

    with pytest.raises(FolderRefused, match=r"another version of the stage \(format 99.*Remove the folder"):
        StateFolder(tmp_path).start()


def test_a_folder_that_cannot_be_read_is_refused_with_the_cure(tmp_path: Path) -> None:
    left(tmp_path)
    (tmp_path / "stage.json").write_text("{")

    with pytest.raises(FolderRefused, match=r"stage\.json cannot be read.*Remove the folder"):
        StateFolder(tmp_path).start()


def test_a_folder_begun_with_another_aws_is_refused(tmp_path: Path) -> None:
    left(tmp_path)

    with StateFolder(tmp_path) as folder, pytest.raises(FolderRefused, match="begun with an emulator of its"):
        folder.begin(("shop",), endpoint_url="http://127.0.0.1:4566")


def test_a_folder_whose_emulator_was_killed_is_refused(tmp_path: Path) -> None:
    with begun(tmp_path) as folder:
        folder.emulator_state.mkdir(parents=True)
        (folder.emulator_state / "begun").touch()

    with pytest.raises(FolderRefused, match="was killed before it wrote"):
        StateFolder(tmp_path).start()
