"""What parts of a stage remember, in one file: entries in order, for many parts, all or nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from worker_runtime.local.stage.keeping.memory import NO_MEMORIES
from worker_runtime.local.stage.keeping.sqlite_memory import SqliteMemories

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def memories(tmp_path: Path) -> Iterator[SqliteMemories]:
    with SqliteMemories(tmp_path / "kept.sqlite") as opened:
        yield opened


def test_entries_are_read_in_the_order_in_which_they_were_put_first(memories: SqliteMemories) -> None:
    links = memories.of("links")

    for key, value in (("b", b"1"), ("a", b"2"), ("b", b"3")):
        links.put("link", key, value)

    assert links.read("link") == [("b", b"3"), ("a", b"2")]


def test_what_is_dropped_is_gone_and_dropping_it_again_is_harmless(memories: SqliteMemories) -> None:
    links = memories.of("links")
    links.put("link", "a", b"1")

    links.drop("link", "a")
    links.drop("link", "a")

    assert links.read("link") == []


def test_parts_and_kinds_do_not_see_each_other_s_entries(memories: SqliteMemories) -> None:
    memories.of("links").put("link", "a", b"1")

    assert memories.of("links").read("fault") == []
    assert memories.of("messages").read("link") == []


def test_what_is_written_together_survives_together_or_not_at_all(memories: SqliteMemories) -> None:
    links = memories.of("links")

    def write_and_fail() -> None:
        with links.together():
            links.put("link", "a", b"1")
            with links.together():
                links.put("link", "b", b"2")
            raise LookupError

    with pytest.raises(LookupError):
        write_and_fail()

    assert links.read("link") == []


def test_what_was_written_survives_a_process_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "kept.sqlite"
    writes = (
        "import os, signal, sys; from pathlib import Path\n"
        "from worker_runtime.local.stage.keeping.sqlite_memory import SqliteMemories\n"
        "SqliteMemories(Path(sys.argv[1])).start().of('links').put('link', 'a', b'1')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )

    ended = subprocess.run([sys.executable, "-c", writes, str(file)], check=False)  # noqa: S603 - our own words

    assert ended.returncode == -signal.SIGKILL
    with SqliteMemories(file) as memories:
        assert memories.of("links").read("link") == [("a", b"1")]


def test_a_stage_that_is_not_to_go_on_remembers_nothing() -> None:
    memory = NO_MEMORIES.of("links")

    with memory.together():
        memory.put("link", "a", b"1")

    assert memory.read("link") == []
