"""``workers trace``: what a person asks of a stage's lineage, and what they read."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from diary import Diary, message, put, sent

if TYPE_CHECKING:
    from pathlib import Path

    from command import Workers


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Keep the lineage of one message that made another, which was written down."""
    with closing(Diary(tmp_path)) as diary:
        diary.invoke(message("aaaa-1", {"email": "fan@example.com"}), does=[sent("bbbb-2", queue="bills")])
        diary.invoke(message("bbbb-2", queue="bills"), worker="shop.bill", does=[put("order-1")])
        diary.invoke(message("aaab-3"))
    return tmp_path


def test_a_tree_is_drawn(workers: Workers, state: Path) -> None:
    done = workers("trace", "aaaa-1", "--state", str(state))

    assert done.code == 0
    assert "shop.ship  message aaaa-1" in done.out
    assert "SendMessage bills bbbb-2" in done.out
    assert "PutItem orders order-1 meta" in done.out
    assert "fan@example.com" not in done.out


def test_machines_read_json(workers: Workers, state: Path) -> None:
    done = workers("trace", "bbbb", "--state", str(state), "--json")

    (way,) = done.json["found"]
    assert (done.json["id"], done.json["kind"]) == ("bbbb-2", "record")
    assert [cause["record"] for cause in way["cameFrom"]] == ["aaaa-1"]
    assert [event["is"] for event in way["events"]] == ["try"]


def test_a_beginning_of_several_ids_names_them(workers: Workers, state: Path) -> None:
    done = workers("trace", "aaa", "--state", str(state))

    assert done.code == 2
    assert "aaaa-1 (record, shop.ship), aaab-3 (record, shop.ship)" in done.err


@pytest.mark.parametrize("nothing", ["", "  "])
def test_no_id_at_all_is_refused(workers: Workers, state: Path, nothing: str) -> None:
    done = workers("trace", nothing, "--state", str(state))

    assert done.code == 2
    assert "ID is empty" in done.err
    assert "aaaa-1" not in done.err


def test_what_is_not_known_is_said_with_the_folder_that_was_looked_in(workers: Workers, state: Path) -> None:
    done = workers("trace", "cccc", "--state", str(state))

    assert done.code == 1
    assert f"nothing is known of 'cccc' in {state}" in done.err


def test_a_folder_without_a_lineage_is_told(workers: Workers, tmp_path: Path) -> None:
    done = workers("trace", "cccc", "--state", str(tmp_path / "nowhere"))

    assert done.code == 1
    assert "there is no lineage.sqlite" in done.err


def test_the_stage_of_this_folder_is_meant_where_none_is_named(
    workers: Workers, state: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = tmp_path_factory.mktemp("here")
    (here / ".stage").mkdir()
    shutil.copy(state / "lineage.sqlite", here / ".stage")

    done = workers("trace", "bbbb-2", cwd=here)

    assert done.code == 0, done.err
    assert "shop.bill  message bbbb-2" in done.out


def test_what_the_stage_here_does_not_know_is_looked_for_in_other_stages(
    workers: Workers, state: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here, demos = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("demos")
    (demos / "workers-demo-1").mkdir()
    shutil.copy(state / "lineage.sqlite", demos / "workers-demo-1")
    (here / ".stage").mkdir()
    with closing(Diary(here / ".stage")) as diary:
        diary.invoke(message("other-1"))

    found = workers("trace", "bbbb-2", cwd=here, env={"TMPDIR": str(demos)})
    unknown = workers("trace", "cccc", cwd=here, env={"TMPDIR": str(demos)})

    assert found.code == 0, found.err
    assert f"found in {demos / 'workers-demo-1'}" in found.err
    assert unknown.code == 1
    assert str(here / ".stage") in unknown.err
    assert str(demos / "workers-demo-1") in unknown.err


def test_a_stage_s_variables_lead_to_its_folder(workers: Workers, state: Path, tmp_path: Path) -> None:
    (tmp_path / "stage.env").write_text(f"WORKER_STAGE={state}\n")

    done = workers("trace", "bbbb-2", "--env-file", str(tmp_path / "stage.env"))

    assert done.code == 0, done.err


def test_its_help_gives_examples(workers: Workers) -> None:
    done = workers("trace", "--help")

    assert "workers trace 9446a7b4" in done.out
