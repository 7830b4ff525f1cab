"""What ``workers pipeline inspect`` tells of files that the worker wrote."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from contextlib import chdir
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import fastavro
import pytest
from typer.testing import CliRunner

from command import COMMAND, Done, Workers
from deliveries import (
    NOON,
    FakeWarehouse,
    batch,
    carried,
    deliver,
    demand,
    event,
    notification,
    rows_of,
    sale,
)
from worker_runtime.cli.root import app as root
from workers_pipeline.local.reading import current

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from workers_pipeline.codecs import Codec

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
TEXT = {"type": "record", "name": "note", "namespace": "acme", "fields": [{"name": "text", "type": "string"}]}


class Inspector:
    """Runs the command on files in its folder."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *arguments: str) -> Done:
        """Run it in this process."""
        with chdir(self.home):
            done = CliRunner().invoke(root, ["pipeline", "inspect", *arguments])
        return Done(done.exit_code, done.stdout, done.stderr)

    def apart(self, *arguments: str, env: Mapping[str, str]) -> Done:
        """Run it in a process of its own."""
        return Workers(self.home)("pipeline", "inspect", *arguments, env=env)

    def store(self, files: Mapping[str, bytes]) -> None:
        """Write files, as they stand in the bucket."""
        for key, data in files.items():
            file = self.home / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)

    def deliver(self, *records: Mapping[str, Any], codec: Codec = "deflate") -> dict[str, bytes]:
        """Have the worker deliver a batch, and keep its files."""
        warehouse = FakeWarehouse()
        deliver(batch(*records), warehouse, codec=codec)
        self.store(warehouse.files)
        return warehouse.files


@pytest.fixture
def inspect(tmp_path: Path) -> Inspector:
    return Inspector(tmp_path)


@pytest.fixture
def stored(inspect: Inspector) -> Inspector:
    """Deliver two batches around midnight; the second has a change again, and its removal."""
    before, after = MIDNIGHT - timedelta(minutes=1), MIDNIGHT + timedelta(minutes=1)
    first, second = demand(version=1), demand(version=2)
    inspect.deliver(
        carried(first, at=1, when=before),
        carried(second, old=first, at=2, when=after),
        carried(sale(), at=3, when=after),
    )
    inspect.deliver(
        carried(second, old=first, at=2, when=after),
        carried(old=second, at=4, when=after),
        carried(demand("u2"), at=5, when=after),
    )
    return inspect


def test_by_table_and_partition_all_is_counted(stored: Inspector) -> None:
    done = stored("data-pipeline", "--json")

    demands, more, sales = done.json["partitions"]
    assert done.code == 0
    assert [(each["table"], each["partitionDate"]) for each in (demands, more, sales)] == [
        ("demand", "2026-03-01"),
        ("demand", "2026-03-02"),
        ("sale", "2026-03-02"),
    ]
    assert (demands["files"], demands["rows"], demands["inserted"]) == (1, 1, 1)
    assert (more["files"], more["rows"], more["changes"], more["duplicates"]) == (2, 4, 3, 1)
    assert (more["inserted"], more["modified"], more["removed"], more["misplaced"]) == (1, 1, 1, 0)
    assert more["firstChange"] == "2026-03-02T00:01:00.002Z"
    assert more["lastChange"] == "2026-03-02T00:01:00.005Z"
    files = (stored.home / "data-pipeline").rglob("*.avro")
    assert done.json["total"]["bytes"] == sum(file.stat().st_size for file in files)
    assert (done.json["total"]["rows"], done.json["total"]["changes"]) == (6, 5)
    assert done.json["problems"] == []


def test_people_read_it_within_eighty_columns(stored: Inspector) -> None:
    told = on_terminal(stored, "data-pipeline", columns=80)

    assert max(map(len, told.splitlines())) <= 80
    assert "3: +1 ~1 -1" in told
    assert "00:01:00" in told
    assert "total" in told


def on_terminal(inspect: Inspector, *arguments: str, columns: int) -> str:
    """Run the command on a terminal and return what it shows, without colours."""
    ours, theirs = pty.openpty()
    environment = {
        **Workers(inspect.home).environment(),
        "COLUMNS": str(columns),
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    done = subprocess.run(  # noqa: S603 - our own command
        [*COMMAND, "pipeline", "inspect", *arguments],
        env=environment,
        cwd=inspect.home,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    assert done.returncode == 0
    os.close(theirs)
    with open(ours, "rb", buffering=0) as screen:  # noqa: PTH123 - a file descriptor has no path
        return screen.read(65_536).decode().replace("\r\n", "\n")


@pytest.mark.parametrize("codec", ["deflate", "zstandard"])
def test_files_of_either_codec_are_read(inspect: Inspector, codec: Codec) -> None:
    inspect.deliver(carried(demand(locale="ä" * 70)), codec=codec)

    done = inspect("data-pipeline", "--rows", "--json")

    (found,) = done.json["rows"]
    assert (found["table"], found["partitionDate"]) == ("demand", "2026-03-01")
    assert found["row"]["locale"] == "ä" * 70


def test_where_a_codecs_library_is_missing_its_files_are_named_with_the_cure(inspect: Inspector) -> None:
    inspect.deliver(carried(demand()))
    inspect.deliver(carried(sale(), at=1), codec="zstandard")
    inspect.store({"without/backports/__init__.py": b""})  # hides the real one

    done = inspect.apart("data-pipeline", "--json", env={"PYTHONPATH": "without"})

    (problem,) = done.json["problems"]
    assert done.code == 1
    assert "/sale/" in problem["file"]
    assert problem["why"] == "is compressed with zstandard; pip install 'workers-pipeline[zstd]'"
    assert [each["rows"] for each in done.json["partitions"]] == [1, 0]


def test_rows_are_shown_as_they_stand_in_their_files(stored: Inspector) -> None:
    done = stored("data-pipeline", "--rows", "--json")

    written = [
        {"file": str(file), "row": row}
        for file in sorted(
            path.relative_to(stored.home) for path in (stored.home / "data-pipeline").rglob("*.avro")
        )
        for row in rows_of((stored.home / file).read_bytes())
    ]
    assert [{"file": each["file"], "row": each["row"]} for each in done.json["rows"]] == written


def test_of_many_rows_people_see_a_screenful_and_are_told_of_the_rest(inspect: Inspector) -> None:
    inspect.deliver(*(carried(demand(f"u{at:03}"), at=at) for at in range(40)))

    usual, limited = inspect("data-pipeline", "--rows"), inspect("data-pipeline", "--rows", "--limit", "3")
    as_json = inspect("data-pipeline", "--rows", "--json")

    assert (usual.out.count("USER#u0"), limited.out.count("USER#u0")) == (20, 3)
    assert "And more: --limit N shows more than 3." in limited.out
    assert len(as_json.json["rows"]) == 40


def test_a_text_that_would_command_the_terminal_is_shown_as_what_it_is(inspect: Inspector) -> None:
    inspect.deliver(carried(event(name="\x1b[31mred\nnext line")))

    done = inspect("data-pipeline", "--rows")

    assert "\x1b" not in done.out
    assert r'"\u001b[31mred\nnext line"' in done.out


def test_the_current_state_is_the_highest_row_of_each_item_in_whatever_order_they_came(
    inspect: Inspector,
) -> None:
    later = NOON + timedelta(hours=1)
    warehouse = FakeWarehouse()
    for records in (
        [carried(demand(version=9, quantity=9), at=1, when=later), carried(demand("u2"), at=2)],
        [carried(demand(version=3, quantity=3), at=3), carried(old=demand("u2", version=4), at=4)],
        [carried(notification("n1", version=2, attempts=2)), carried(sale(), at=6)],
        [carried(notification("n1", version=1, attempts=1))],
    ):
        deliver(batch(*records), warehouse)
        inspect.store(warehouse.files)

    done = inspect("data-pipeline", "--current", "--json")

    state = current([row for rows in warehouse.rows.values() for row in rows])
    items = {(each["row"]["pk"], each["row"]["sk"]): each["row"] for each in done.json["items"]}
    assert items == state
    assert items[("USER#u1", "DEMAND#e1#s1")]["quantity"] == 9
    assert items[("USER#u2", "DEMAND#e1#s1")]["deleted"] is True
    assert items[("NTF#n1", "NTF")]["attempts"] == 2
    assert done.json["found"] == 4


def test_changes_that_came_again_are_told_with_all_their_files(stored: Inspector) -> None:
    done, for_people = (
        stored("data-pipeline", "--duplicates", "--json"),
        stored("data-pipeline", "--duplicates"),
    )

    (repeat,) = done.json["duplicates"]
    assert (repeat["changeId"], repeat["rows"], len(repeat["files"])) == ("c-2", 2, 2)
    assert all("/demand/partition_date=2026-03-02/" in file for file in repeat["files"])
    assert repeat["files"][1] in for_people.out


def test_where_no_change_came_again_it_is_said(inspect: Inspector) -> None:
    inspect.deliver(carried(demand()))

    assert inspect("data-pipeline", "--duplicates").out == "No change came more than once.\n"


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (("--type", "sale"), ["c-3"]),
        (("--type", "sale", "--type", "demand"), ["c-1", "c-2", "c-2", "c-4", "c-5", "c-3"]),
        (("--date", "2026-03-01"), ["c-1"]),
        (("--date", "2026-03-02..", "--type", "demand"), ["c-2", "c-2", "c-4", "c-5"]),
        (("--date", "..2026-03-01"), ["c-1"]),
        (("--date", "2026-02-01..2026-04-01", "--key", "USER#u2"), ["c-5"]),
        (("--key", "EVENT#e1 SALE#s1"), ["c-3"]),
        (("--key", "USER#u1 DEMAND#e1#s1", "--key", "EVENT#e1"), ["c-1", "c-2", "c-2", "c-4", "c-3"]),
        (("--date", "2030-01-01"), []),
        (("--type", "notification:asu"), []),
    ],
)
def test_types_dates_and_keys_narrow_what_is_shown(
    stored: Inspector, options: tuple[str, ...], ids: list[str]
) -> None:
    done = stored("data-pipeline", "--rows", "--json", *options)

    assert done.code == (0 if ids else 1)
    assert [each["row"]["change_id"] for each in done.json["rows"]] == ids


@pytest.mark.parametrize("shown", [(), ("--rows",), ("--current",), ("--duplicates",)])
def test_what_is_not_there_is_said_and_is_exit_code_1(stored: Inspector, shown: tuple[str, ...]) -> None:
    no_item = stored("data-pipeline", "--key", "NOPE", *shown)
    no_date = stored("data-pipeline", "--date", "2033-05-19", *shown)

    assert (no_item.code, no_date.code) == (1, 1)
    if shown != ("--duplicates",):
        assert no_item.out == "There is no such item: NOPE.\n"


def test_of_an_item_only_the_files_that_have_it_are_counted(stored: Inspector) -> None:
    done = stored("data-pipeline", "--key", "USER#u2", "--json")

    (only,) = done.json["partitions"]
    (file,) = {
        each["file"] for each in stored("data-pipeline", "--key", "USER#u2", "--rows", "--json").json["rows"]
    }
    assert (only["table"], only["partitionDate"]) == ("demand", "2026-03-02")
    assert (only["files"], only["rows"], only["bytes"]) == (1, 1, (stored.home / file).stat().st_size)


def test_an_empty_key_is_none(stored: Inspector) -> None:
    done = stored("data-pipeline", "--key", "")

    assert (done.code, done.out) == (2, "")
    assert "--key '' names no item" in done.err


def test_a_file_that_stands_in_no_partition_is_known_by_its_schema_and_its_rows_by_their_time(
    inspect: Inspector,
) -> None:
    records = carried(sale(), at=1, when=NOON), carried(demand(), at=2)
    files = {
        key.rpartition("/partition_date")[0].replace("/", "-"): data
        for key, data in inspect.deliver(*records).items()
    }
    inspect.store({f"loose/{name}.avro": data for name, data in files.items()})

    whole = inspect("loose", "--json")
    hit, miss = (
        inspect("loose", "--type", "sale", "--date", date, "--json") for date in ("2026-03-01", "2026-03-02")
    )

    assert [(each["table"], each["partitionDate"]) for each in whole.json["partitions"]] == [
        ("demand", None),
        ("sale", None),
    ]
    assert (hit.json["total"]["rows"], miss.json["total"]["rows"]) == (1, 0)


def test_a_row_in_the_partition_of_another_date_is_told(inspect: Inspector) -> None:
    (data,) = inspect.deliver(carried(demand())).values()
    inspect.store({"elsewhere/demand/partition_date=2026-01-01/x.avro": data})

    done, for_people = inspect("elsewhere", "--json"), inspect("elsewhere")

    assert done.json["partitions"][0]["misplaced"] == 1
    assert "1 row of another date than the partition" in for_people.out


def test_a_file_named_twice_counts_once(stored: Inspector) -> None:
    once, twice = stored("data-pipeline", "--json"), stored("data-pipeline", "./data-pipeline/avro", "--json")

    assert twice.json["total"] == once.json["total"]


def test_any_avro_file_is_shown_with_what_it_has(inspect: Inspector) -> None:
    inspect.deliver(carried(demand()))
    write(inspect, "note.avro", TEXT, [{"text": "a"}, {"text": "b"}])
    write(inspect, "number.avro", "long", [1, 2, 3])
    sources = ("note.avro", "number.avro", "data-pipeline")

    summary, rows = inspect(*sources, "--json"), inspect(*sources[:2], "--rows", "--json")

    told = {each["table"]: each for each in summary.json["partitions"]}
    assert (told["acme.note"]["rows"], told["acme.note"]["changes"]) == (2, None)
    assert (told["long"]["rows"], told["demand"]["changes"]) == (3, 1)
    assert [each["row"] for each in rows.json["rows"]][-1:] == [{"value": 3}]
    assert (summary.code, inspect(*sources).code) == (0, 0)


def test_what_holds_no_changes_has_no_current_state_and_does_not_hide_what_has(inspect: Inspector) -> None:
    inspect.deliver(carried(demand()))
    write(inspect, "note.avro", TEXT, [{"text": "a"}])

    done = inspect("note.avro", "data-pipeline", "--current", "--json")

    (problem,) = done.json["problems"]
    assert (done.code, done.json["found"]) == (1, 1)
    assert problem["file"] == "note.avro"
    assert "holds no changes of items" in problem["why"]


def write(inspect: Inspector, name: str, schema: Any, rows: list[Any], **more: Any) -> None:
    with (inspect.home / name).open("wb") as file:
        fastavro.writer(file, schema, rows, **more)


def schema_of(data: bytes) -> dict[str, Any]:
    text = data[data.index(b'{"type":"record"') :]
    found: dict[str, Any] = json.JSONDecoder().raw_decode(text.decode("latin-1"))[0]
    return found


@pytest.mark.parametrize(
    ("change", "standing", "why"),
    [
        (lambda fields: fields, "same", []),
        (lambda fields: fields[:-1], "older", ["lacks email_hash"]),
        (lambda fields: [*fields, nullable("seat")], "newer", ["has seat besides"]),
        (
            lambda fields: [*fields[:-1], nullable("seat")],
            "different",
            ["lacks email_hash", "has seat besides"],
        ),
        (lambda fields: fields[1:], "different", ["lacks change_id"]),
        (lambda fields: [*fields[:-2], nullable("phone_hash", "long"), fields[-1]], "different", None),
        (lambda fields: fields[::-1], "same", ["in another order"]),
    ],
)
def test_a_schema_is_told_beside_the_packages_own(
    inspect: Inspector, change: Any, standing: str, why: list[str] | None
) -> None:
    (data,) = inspect.deliver(carried(demand())).values()
    schema = schema_of(data)
    write(inspect, "x.avro", {**schema, "fields": change(schema["fields"])}, [])

    done = inspect("x.avro", "--schema", "--json")

    (found,) = done.json["schemas"]
    assert (found["table"], found["comparison"]["standing"]) == ("demand", standing)
    assert why is None or found["comparison"]["why"] == why


def nullable(name: str, kind: str = "string") -> dict[str, Any]:
    return {"name": name, "type": ["null", kind], "default": None}


def test_people_see_a_schemas_columns_and_each_schema_once(stored: Inspector) -> None:
    write(stored, "note.avro", TEXT, [])

    done = stored("data-pipeline", "note.avro", "--schema")

    assert done.code == 0
    assert done.out.count("the package's own") == 2
    assert "demand: 3 files, 2026-03-01 to 2026-03-02" in done.out
    assert "of no table that the package has" in done.out
    assert "changed_at_ms long, never null" in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere",), "there is no file or folder nowhere"),
        ((), "look into what?"),
        (("s3://",), "names no bucket"),
        ((".", "--rows", "--current"), "say one of --rows and --current"),
        ((".", "--type", "demnd"), "there is no table 'demnd'; there are: demand, event, notification"),
        ((".", "--date", "yesterday"), "--date yesterday is none; say 2026-03-01"),
        ((".", "--date", "2026-03-02..2026-03-01"), "is none"),
        ((".", "--date", ".."), "is none"),
        ((".", "--limit", "5"), "--limit goes with --rows"),
        ((".", "--schema", "--key", "x"), "--key does not go with --schema"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(
    inspect: Inspector, arguments: tuple[str, ...], told: str
) -> None:
    done = inspect(*arguments, "--json")

    assert (done.code, done.out) == (2, "")
    assert told in done.error["message"]


def test_a_folder_without_avro_files_is_an_error(inspect: Inspector) -> None:
    inspect.store({"folder/notes.txt": b"none"})

    done = inspect("folder", "--json")

    assert (done.code, done.out, done.error["kind"]) == (1, "", "NoFiles")
    assert "there is no *.avro in folder" in done.error["message"]


def test_a_shell_completes_the_names_of_tables(inspect: Inspector) -> None:
    typed = "workers pipeline inspect --type no"
    asked = {"_WORKERS_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}

    done = Workers(inspect.home)(env=asked)

    assert done.out.split() == ["notification", "notification_asu"]


def test_the_help_names_what_can_be_looked_into(inspect: Inspector) -> None:
    done = inspect("--help")

    assert done.code == 0
    assert "s3://BUCKET/PREFIX" in done.out
