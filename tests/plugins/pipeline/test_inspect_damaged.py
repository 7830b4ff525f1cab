"""Files that are cut off, garbled or no Avro at all: named, counted as far as they are whole, and no more."""

from __future__ import annotations

import json
import os
from io import BytesIO
from typing import TYPE_CHECKING, Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from deliveries import FakeWarehouse, batch, carried, deliver, demand, rows_of, sale
from worker_runtime.cli.root import app as root
from workers_pipeline.local.inspecting.avro_file import AvroFile
from workers_pipeline.local.stored.unreadable import Unreadable
from workers_pipeline.schemas import read_schema

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from workers_pipeline.codecs import Codec

ROWS = 7
CLEAR = "\x1b[2J"


def written(codec: Codec = "deflate") -> bytes:
    """Have the worker write a file."""
    warehouse = FakeWarehouse()
    deliver(batch(*(carried(demand(f"u{at}"), at=at) for at in range(ROWS))), warehouse, codec=codec)
    (data,) = warehouse.files.values()
    return data


FILES = {codec: written(codec) for codec in ("deflate", "zstandard")}


def in_blocks() -> bytes:
    """Write the same rows a block each, as other writers may."""
    file = BytesIO()
    schema = read_schema("demand").avro
    fastavro.writer(file, schema, rows_of(FILES["deflate"]), codec="null", sync_interval=1)
    return file.getvalue()


def read(data: bytes) -> tuple[list[dict[str, Any]], str]:
    """Read a file: its rows, and what is wrong with it."""
    rows = []
    try:
        for row in AvroFile(BytesIO(data)).rows():
            rows.append(row)  # noqa: PERF402 - what was read counts, whatever comes then
    except Unreadable as problem:
        return rows, problem.why
    return rows, ""


@pytest.mark.parametrize("codec", FILES)
def test_a_file_that_is_cut_off_anywhere_is_never_taken_for_a_whole_one(codec: Codec) -> None:
    data = FILES[codec]
    head = len(data) - len(data[data.index(b"\x00", data.rindex(b"avro.")) :])

    for size in range(len(data)):
        rows, problem = read(data[:size])

        if not problem:  # between head and block a file is whole, and empty
            assert head < size < len(data)
            assert data[size - 16 : size] == data[-16:]
        assert rows == []
    assert read(data) == (rows_of(data), "")


def test_rows_count_up_to_the_last_whole_block() -> None:
    data = in_blocks()
    cut = data.rindex(data[-16:], 0, -16) + 16 + 5

    rows, problem = read(data[:cut])

    assert rows == rows_of(data)[:-1]
    assert f"is cut off or damaged behind {ROWS - 1} rows, which count" in problem


@settings(max_examples=300)
@given(
    codec=st.sampled_from(["deflate", "zstandard", "null"]),
    at=st.floats(0, 1, exclude_max=True),
    other=st.binary(min_size=1, max_size=12),
)
def test_a_garbled_file_is_read_as_far_as_it_goes_or_named(codec: str, at: float, other: bytes) -> None:
    data = in_blocks() if codec == "null" else FILES[codec]
    place = int(at * len(data))

    rows, problem = read(data[:place] + other + data[place + len(other) :])

    assert problem or len(rows) <= ROWS
    assert all(isinstance(row, dict) for row in rows)


@settings(max_examples=200)
@given(data=st.binary(max_size=200))
def test_garbage_is_named_whatever_it_is(data: bytes) -> None:
    assert read(data)[1]
    assert read(b"Obj\x01" + data)[1]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04", "is not an Avro file"),
        (b"Obj\x01\x02", "has a damaged head"),
        (FILES["deflate"][:-20], "is cut off or damaged before its first row ends"),
        (FILES["deflate"] + b"\x02", "is cut off or damaged behind 7 rows, which count"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, why: str) -> None:
    assert read(data)[1].startswith(why)


def inspect(*arguments: str | Path) -> Result:
    return CliRunner().invoke(root, ["pipeline", "inspect", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Put a whole file among three that are not, and a link to nowhere."""
    (tmp_path / "b-whole.avro").write_bytes(FILES["deflate"])
    (tmp_path / "a-cut.avro").write_bytes(FILES["deflate"][:-9])
    (tmp_path / "c-empty.avro").write_bytes(b"")
    (tmp_path / "d-text.avro").write_text("no Avro at all")
    (tmp_path / "e-gone.avro").symlink_to(tmp_path / "nowhere")
    return tmp_path


@pytest.mark.parametrize("shown", [(), ("--rows",), ("--current",), ("--duplicates",)])
def test_files_that_cannot_be_read_are_named_and_hide_no_others(folder: Path, shown: tuple[str, ...]) -> None:
    told, done = inspect(folder, *shown), inspect(folder, *shown, "--json")

    assert (told.exit_code, done.exit_code) == (1, 1)
    assert "4 files with trouble:" in told.stdout
    for name in ("a-cut", "c-empty", "d-text", "e-gone"):
        assert f"{name}.avro" in told.stdout
        assert f"{name}.avro" in done.stdout
    if shown != ("--duplicates",):
        assert "demand" in told.stdout


def test_for_schemas_only_heads_are_read(folder: Path) -> None:
    done = inspect(folder / "a-cut.avro", folder / "b-whole.avro", "--schema")

    assert done.exit_code == 0
    assert "demand: 2 files" in done.stdout


def test_of_many_troubles_people_are_told_some_and_their_number(tmp_path: Path) -> None:
    for at in range(30):
        (tmp_path / f"{at:02}.avro").write_bytes(b"")

    done = inspect(tmp_path)

    assert "30 files with trouble:" in done.stdout
    assert "19.avro is empty" in done.stdout
    assert "20.avro" not in done.stdout
    assert "and 10 more, which --json names" in done.stdout


def test_times_that_no_calendar_has_are_shown_as_they_are(tmp_path: Path) -> None:
    warehouse = FakeWarehouse()
    deliver(batch(carried(sale())), warehouse)
    (row,) = warehouse.of("sale")
    place = tmp_path / "sale" / "partition_date=2026-99-99"
    place.mkdir(parents=True)
    with (place / "x.avro").open("wb") as file:
        fastavro.writer(file, read_schema("sale").avro, [{**row, "changed_at_ms": 2**62}])

    done, rows = inspect(tmp_path, "--json"), inspect(tmp_path, "--rows")

    assert done.exit_code == 0
    assert f'"firstChange":"{2**62}"' in done.stdout
    assert '"misplaced":1' in done.stdout
    assert str(2**62) in rows.stdout


@pytest.mark.parametrize(
    "arguments", [[], ["--rows"], ["--schema"], ["--current"], ["--json"], ["--rows", "--json"]]
)
def test_what_a_file_would_have_a_terminal_do_is_shown_and_not_done(
    tmp_path: Path, arguments: list[str]
) -> None:
    table = tmp_path / f"ta{CLEAR}ble" / "partition_date=2026-03-01"
    table.mkdir(parents=True)
    maps = {"type": "map", "values": "string"}
    schema = {"type": "record", "name": "note", "fields": [{"name": "held", "type": maps}]}
    with (table / "rows.avro").open("wb") as file:
        fastavro.writer(file, schema, [{"held": {CLEAR: f"a\u202eb{CLEAR}"}}])
    (table / "codec.avro").write_bytes(FILES["deflate"].replace(b"deflate", f"{CLEAR}cod".encode(), 1))

    done = inspect(tmp_path, *arguments)

    assert "\\u001b[2J" in done.output
    assert not {"\x1b", "\u202e"} & {*done.output}


def test_a_pipe_that_is_named_like_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.avro")
    (tmp_path / "whole.avro").write_bytes(FILES["deflate"])

    of_the_folder = inspect(tmp_path, "--json")
    of_itself = inspect(tmp_path / "pipe.avro")

    told = json.loads(of_the_folder.stdout)
    assert (told["total"]["rows"], told["problems"]) == (ROWS, [])
    assert (of_itself.exit_code, "there is no file or folder" in of_itself.stderr) == (2, True)


@pytest.mark.parametrize("shown", [(), ("--json",), ("--rows", "--json")])
def test_a_name_that_is_no_text_is_worded(tmp_path: Path, shown: tuple[str, ...]) -> None:
    path = tmp_path / "caf\udce9" / "partition_date=2026-03-01" / "rows.avro"  # Latin-1, as the system has it
    path.parent.mkdir(parents=True)
    path.write_bytes(FILES["deflate"])

    done = inspect(tmp_path, *shown)

    assert done.exit_code == 0
    assert "caf\\xe9" in done.stdout.replace("\\\\", "\\")
