"""A file that is written anew is the old one or the new one, whatever happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker_runtime.local.whole_files import unfinished, write_whole

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("durable", [True, False])
def test_it_is_for_its_owner_alone_and_leaves_nothing_beside(tmp_path: Path, *, durable: bool) -> None:
    file = tmp_path / "state.json"

    write_whole(file, b"first, and longer", durable=durable)
    write_whole(file, b"second", durable=durable)

    assert file.read_bytes() == b"second"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.iterdir()] == [file]


def test_what_cannot_be_written_leaves_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    write_whole(file, b"first")
    unfinished(file).mkdir()

    with pytest.raises(IsADirectoryError):
        write_whole(file, b"second")

    assert file.read_bytes() == b"first"
