"""``workers pipeline backfill`` called again: what was put right since is taken, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from backfills import Backfiller, Export, item_line
from deliveries import demand, rows_of

if TYPE_CHECKING:
    from pathlib import Path


def fans(backfill: Backfiller) -> list[str]:
    return sorted(row["user_id"] for data in backfill.bucket.objects().values() for row in rows_of(data))


@pytest.mark.parametrize("code", ["MISSING", "CHECKSUM"])
def test_a_file_that_is_put_right_is_taken_alone(backfill: Backfiller, tmp_path: Path, code: str) -> None:
    export = Export(tmp_path)
    export.add("a", [item_line(demand("u1")), item_line(demand("u2", quantity="two")), "nothing"])
    file = export.add("b", [item_line(demand("u3")), item_line(demand("u4"))])
    export.add("c", [item_line(demand("u5"))])
    source, right = str(export.written()), file.read_bytes()
    if code == "MISSING":
        file.unlink()
    else:
        file.write_bytes(right[:-9])

    first = backfill(source, "--yes", "--json")
    letters = backfill.letters()
    still = backfill(source, "--yes")
    file.write_bytes(right)
    mended = backfill(source, "--yes", "--json")
    again = backfill(source, "--yes")

    assert first.json["brokenFiles"] == {code: 1}
    assert (still.code, len(letters)) == (1, 1)
    assert "the same command takes those files, and no others" in still.out
    assert "delivered before" not in still.err
    assert "taking 1 file of which nothing could be taken before" in still.err
    assert fans(backfill) == ["u1", "u3", "u4", "u5"]
    assert (mended.json["read"], mended.json["rows"], mended.json["brokenFiles"]) == (6, 4, {})
    assert backfill.letters() == []  # what is dead-lettered is so once
    kept = (backfill.home / mended.json["refusedFile"]).read_text().splitlines()
    assert [json.loads(line)["code"] for line in kept] == ["NO_JSON", "SCHEMA_VIOLATION"]
    assert "This was delivered before" in again.err


def test_what_is_put_right_is_asked_about_alone(backfill: Backfiller, tmp_path: Path) -> None:
    export = Export(tmp_path)
    export.add("a", [item_line(demand("u1"))])
    file = export.add("b", [item_line(demand(name)) for name in ("u2", "u3")])
    source, right = str(export.written()), file.read_bytes()
    file.unlink()
    backfill(source, "--yes")
    file.write_bytes(right)

    asked = backfill(source, typed="y\n")

    assert "Deliver 2 exported items to the bucket" in asked.err
    assert (asked.code, fans(backfill)) == (0, ["u1", "u2", "u3"])


def test_where_rejected_lines_go_may_be_changed_as_long_as_there_are_none(
    backfill: Backfiller, tmp_path: Path
) -> None:
    export = Export(tmp_path)
    export.add("a", [item_line(demand("u1"))])
    source = str(export.written())

    refused = backfill(source, "--rejected", "absent/x.jsonl", "--yes")
    backfill(source, "--rejected", "x.jsonl", "--yes")
    corrected = backfill(source, "--yes")

    assert (refused.code, "there is no folder absent" in refused.err) == (2, True)
    assert (corrected.code, fans(backfill)) == (0, ["u1"])


@pytest.mark.parametrize("option", ["--state", "--rejected"])
@pytest.mark.parametrize("named", [".", "", "..", "/"])
def test_a_folder_is_no_file_to_keep_anything_in(
    backfill: Backfiller, tmp_path: Path, option: str, named: str
) -> None:
    export = Export(tmp_path)
    export.add("a", [item_line(demand("u1"))])

    done = backfill(str(export.written()), option, named, "--yes")

    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert f"{option} {named or '.'} is a folder; name a file" in done.err


@pytest.mark.parametrize("command", ["backfill", "inspect"])
def test_an_empty_name_is_not_the_folder_here(backfill: Backfiller, command: str) -> None:
    done = backfill("", "--yes") if command == "backfill" else backfill.workers("pipeline", "inspect", "")

    assert (done.code, done.out) == (2, "")
    assert "'' names no file and no folder; is a variable empty?" in done.err
