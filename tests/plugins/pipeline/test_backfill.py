"""``workers pipeline backfill``, into a real S3: what is stored, what is not, and what is told of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from backfills import HEAD, TAKEN_AT_MS, Backfiller, Export, change_line, item_line, json_lines, recorded
from buckets import Bucket
from deliveries import NOON, batch, carried, deliver, demand, event, notification, poison, rows_of, sale
from worker_runtime.clients import aws
from worker_runtime.testing import RecordingSender
from workers_pipeline.adapters.s3 import S3Warehouse

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

BATCH = batch(
    poison(), *(carried(of(), at=at) for at, of in enumerate((demand, sale, event, notification), 1))
)
AT_US = 1_772_366_400_123_456


def rows(backfill: Backfiller) -> list[dict[str, Any]]:
    return [row for data in backfill.bucket.objects().values() for row in rows_of(data)]


def fans(*names: str, **more: Any) -> list[str]:
    return [item_line(demand(name, **more)) for name in names]


def test_a_recorded_batch_is_stored_over_byte_for_byte(backfill: Backfiller, tmp_path: Path) -> None:
    deliver(BATCH, S3Warehouse(backfill.bucket.name), sender=RecordingSender())
    before = backfill.bucket.objects()
    first, second, *_ = before
    aws.client("s3").put_object(Bucket=backfill.bucket.name, Key=first, Body=b"spoilt")
    aws.client("s3").delete_object(Bucket=backfill.bucket.name, Key=second)
    (tmp_path / "changes.jsonl").write_text(json_lines([HEAD, recorded(BATCH), recorded(BATCH)]))

    done = backfill(str(tmp_path / "changes.jsonl"), "--yes", "--json")

    assert backfill.bucket.objects() == before
    assert (done.json["read"], done.json["rows"], done.json["files"]) == (10, 4, 4)
    again = done.json["storedAgain"]
    assert (again["rows"], again["files"]) == (4, 4)
    assert (done.code, done.json["deadLettered"]) == (1, {"UNDECODABLE": 2})
    assert [each["code"] for each in backfill.letters()] == ["UNDECODABLE"] * 2


def test_an_exported_item_is_a_row_of_how_it_was_when_the_export_was_taken(
    backfill: Backfiller, tmp_path: Path
) -> None:
    export = Export(tmp_path)
    export.add("abc", fans("u1", quantity=7))

    done = backfill(str(export.written()), "--yes", "--json")

    (key,) = backfill.bucket.objects()
    (row,) = rows(backfill)
    name = "export-01772366400000-2d8752fd-abc"
    assert (done.code, done.err) == (0, "")
    assert key == (
        f"data-pipeline/avro/demand/partition_date=2026-03-01/{name}-000000000001-000000000001.avro"
    )
    assert (row["change_id"], row["change_type"], row["deleted"]) == (f"{name}:000000000001", "INSERT", False)
    assert (row["changed_at_ms"], row["quantity"]) == (TAKEN_AT_MS, 7)


def test_what_became_of_an_item_is_a_row_of_when_it_was_written(backfill: Backfiller, tmp_path: Path) -> None:
    export = Export(tmp_path, incremental=True)
    lines = (
        change_line(demand("u1"), at_us=AT_US),
        change_line(demand("u2", quantity=5), old=demand("u2"), at_us=AT_US + 86_400_000_000),
        change_line(old=demand("u3", quantity=6), at_us=AT_US),
    )
    export.add("abc", lines)

    done = backfill(str(export.written()), "--yes", "--json")

    told = {row["pk"]: (row["change_type"], row["changed_at_ms"], row["quantity"]) for row in rows(backfill)}
    dates = [(each["partitionDate"], each["rows"]) for each in done.json["tables"]]
    assert done.code == 0
    assert told == {
        "USER#u1": ("INSERT", AT_US // 1000, 2),
        "USER#u2": ("MODIFY", AT_US // 1000 + 86_400_000, 5),
        "USER#u3": ("REMOVE", AT_US // 1000, 6),
    }
    assert dates == [("2026-03-01", 2), ("2026-03-02", 1)]


def test_an_export_that_is_delivered_again_adds_nothing(backfill: Backfiller, tmp_path: Path) -> None:
    export = Export(tmp_path)
    export.add("abc", fans(*(f"u{at}" for at in range(1_003))))
    export.add("def", [item_line(sale()), item_line(event())], packed=False)
    source = str(export.written())

    first = backfill(source, "--yes", "--json")
    stored = backfill.bucket.objects()
    again = backfill(source, "--yes", "--json", "--state", "another.json")

    names = sorted(key.rpartition("/")[2] for key in stored)
    assert (first.json["rows"], again.json["rows"]) == (1_005, 1_005)
    assert backfill.bucket.objects() == stored
    assert [name.partition("-abc-")[2] for name in names if "-abc-" in name] == [
        "000000000001-000000001000.avro",
        "000000001001-000000001003.avro",
    ]


def test_an_export_in_s3_is_delivered_as_one_on_this_machine(backfill: Backfiller, tmp_path: Path) -> None:
    export = Export(tmp_path)
    export.add("abc", fans("u1", "u2"))
    export.add("def", fans("u3"))
    backfill(str(export.written()), "--yes")
    here = backfill.bucket.objects()
    exports = Bucket(f"exports-{uuid4().hex[:8]}")
    export.put_into(exports, prefix="2026-Mar")
    for key in here:
        aws.client("s3").delete_object(Bucket=backfill.bucket.name, Key=key)

    done = backfill(f"s3://{exports.name}/2026-Mar", "--yes", "--json", "--state", "s3.json")

    assert (done.code, done.json["rows"]) == (0, 3), done.err
    assert backfill.bucket.objects() == here


def test_of_an_export_one_data_file_can_be_named(backfill: Backfiller, tmp_path: Path) -> None:
    export = Export(tmp_path)
    export.add("abc", fans("u1"))
    wanted = export.add("def", fans("u2", "u3"))
    export.written()

    done = backfill(str(wanted), "--yes", "--json")

    assert done.json["rows"] == 2
    assert {row["user_id"] for row in rows(backfill)} == {"u2", "u3"}


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(backfill: Backfiller, tmp_path: Path) -> None:
    export = Export(tmp_path)
    export.add("abc", [*fans("u1", "u2"), item_line(sale()), *fans("u3", quantity="two"), "nothing"])
    source = str(export.written())

    dry = backfill(source, "--dry-run", "--json")
    told = backfill(source, "--dry-run")
    after = (backfill.bucket.objects(), backfill.letters(), list(backfill.home.iterdir()))
    wet = backfill(source, "--yes", "--json")

    assert after == ({}, [], [])
    assert (dry.code, wet.code, wet.json["read"], wet.json["rows"]) == (1, 1, 5, 3)
    varies = {"dryRun", "state", "refusedFile"}
    assert {**dry.json, **dict.fromkeys(varies)} == {**wet.json, **dict.fromkeys(varies)}
    assert "5 changes: 3 rows in 2 files would be stored, 1 would be dead-lettered, 1 not read" in told.out


def test_what_cannot_be_read_is_named_and_kept_and_costs_the_others_nothing(
    backfill: Backfiller, tmp_path: Path
) -> None:
    export = Export(tmp_path, incremental=True)
    keys = '{"PK":{"S":"USER#u9"},"SK":{"S":"DEMAND#e1#s1"}}'
    metadata = '"Metadata":{"WriteTimestampMicros":{"N":"1772366400123456"}}'
    bad = (
        '{"Item": ',
        f'{{{metadata},"Keys":{keys}}}',
        f'{{"Metadata":{{}},"Keys":{keys},"NewImage":{keys}}}',
        '{"strange": 1}',
        b"\xff\xfe",
    )
    good = [change_line(demand(name), at_us=AT_US) for name in ("u1", "u2")]
    path = export.add("abc", [good[0], *bad, good[1]])

    done = backfill(str(export.written()), "--yes", "--json", "--rejected", "bad.jsonl")

    kept = [json.loads(line) for line in (backfill.home / "bad.jsonl").read_text().splitlines()]
    assert done.code == 1
    assert {row["user_id"] for row in rows(backfill)} == {"u1", "u2"}
    assert (done.json["read"], done.json["rows"]) == (7, 2)
    assert done.json["notRead"] == {"NO_JSON": 2, "NO_IMAGE": 1, "NO_TIME": 1, "NO_ITEM": 1}
    assert [(each["line"], each["code"]) for each in kept] == [
        (2, "NO_JSON"),
        (3, "NO_IMAGE"),
        (4, "NO_TIME"),
        (5, "NO_ITEM"),
        (6, "NO_JSON"),
    ]
    assert {each["file"] for each in kept} == {str(path)}
    assert kept[0]["text"] == bad[0]
    assert kept[-1]["base64"] == "//4="
    assert (backfill.home / "bad.jsonl").stat().st_mode & 0o077 == 0


def test_of_a_file_that_is_not_what_its_manifest_tells_of_nothing_is_delivered(
    backfill: Backfiller, tmp_path: Path
) -> None:
    export = Export(tmp_path)
    export.add("good", fans("u1"))
    changed = export.add("changed", fans("u2", "u3"))
    gone = export.add("gone", fans("u4"))
    folder = export.written()
    changed.write_bytes(changed.read_bytes()[:-9])
    gone.unlink()

    done = backfill(str(folder), "--yes", "--json")

    assert done.code == 1
    assert [row["user_id"] for row in rows(backfill)] == ["u1"]
    assert done.json["brokenFiles"] == {"CHECKSUM": 1, "MISSING": 1}
    assert [(each["file"], each["code"]) for each in done.json["refused"]] == [
        (str(changed), "CHECKSUM"),
        (str(gone), "MISSING"),
    ]
    assert "nothing is delivered of its 2 items" in done.json["refused"][0]["why"]


def test_a_file_that_breaks_off_is_delivered_up_to_there(backfill: Backfiller, tmp_path: Path) -> None:
    packed = Export(tmp_path)
    path = packed.add("abc", fans(*(f"u{at}" for at in range(200))))
    folder = packed.written()
    path.write_bytes(path.read_bytes()[:-1_000])
    listing = folder / "manifest-files.json"
    entry = json.loads(listing.read_text())
    listing.write_text(json.dumps({**entry, "md5Checksum": None}))

    done = backfill(str(folder), "--yes", "--json")

    (refused,) = done.json["refused"]
    assert (done.code, done.json["notRead"]) == (1, {"BROKEN_GZIP": 1})
    assert 0 < done.json["rows"] == len(rows(backfill)) < 200
    assert refused["line"] == done.json["rows"] + 1


def test_what_does_not_fit_its_table_goes_to_the_workers_dead_letters(
    backfill: Backfiller, tmp_path: Path
) -> None:
    export = Export(tmp_path)
    export.add("abc", fans("u1") + fans("u2", quantity="two") + fans("u3"))

    done = backfill(str(export.written()), "--yes")

    (letter,) = backfill.letters()
    assert done.code == 1
    assert "1 x SCHEMA_VIOLATION" in done.out
    assert "abc.json.gz, line 2: SCHEMA_VIOLATION: quantity takes N, not S" in done.out
    assert (letter["worker"], letter["code"]) == ("pipeline.deliveryWorker", "SCHEMA_VIOLATION")
    assert letter["recordId"] == "000000000002"
    assert {row["user_id"] for row in rows(backfill)} == {"u1", "u3"}


def test_a_recorded_batch_is_delivered_whole_where_any_of_its_changes_is_in_range(
    backfill: Backfiller, tmp_path: Path
) -> None:
    days = [NOON + timedelta(days=day) for day in range(3)]
    batches = [
        batch(carried(demand("u0"), when=days[0]), carried(demand("u1"), at=1, when=days[1])),
        batch(carried(demand("u2"), at=2, when=days[1])),
        batch(carried(demand("u3"), at=3, when=days[2]), poison(at=4)),
    ]
    (tmp_path / "changes.jsonl").write_text(json_lines(batches))

    done = backfill(
        str(tmp_path / "changes.jsonl"), "--since", "2026-03-02", "--until", "2026-03-03", "--yes", "--json"
    )

    assert done.code == 0
    assert {row["user_id"] for row in rows(backfill)} == {"u0", "u1", "u2"}
    assert (done.json["read"], done.json["rows"], done.json["outOfRange"]) == (5, 3, 2)


def test_of_one_type_the_files_are_those_of_all_types(backfill: Backfiller, tmp_path: Path) -> None:
    export = Export(tmp_path)
    export.add(
        "abc",
        [
            *fans("u1"),
            item_line(sale()),
            item_line(event()),
            *fans("u2", quantity="two"),
            item_line(notification(type="notification:asu")),
        ],
    )
    source = str(export.written())

    of_one = backfill(source, "--type", "sale", "--yes", "--json")
    (key, data), *others = backfill.bucket.objects().items()
    backfill(source, "--yes")

    assert (of_one.code, of_one.json["rows"], others) == (0, 1, [])
    assert of_one.json["skipped"] == {"another type than asked for": 3, "its type is not delivered": 1}
    assert backfill.bucket.objects()[key] == data
    assert len(backfill.bucket.objects()) == 3


def test_what_was_recorded_without_personal_data_is_not_delivered(
    backfill: Backfiller, tmp_path: Path
) -> None:
    lines = [HEAD, recorded(BATCH, masked=True), recorded(batch(carried(sale())))]
    (tmp_path / "changes.jsonl").write_text(json_lines(lines))

    done = backfill(str(tmp_path / "changes.jsonl"), "--yes", "--json")

    assert done.code == 1
    assert done.json["notRead"] == {"MASKED": 5}
    assert "--in-clear" in done.json["refused"][0]["why"]
    assert (done.json["read"], done.json["rows"]) == (6, 1)


def test_events_of_other_workers_are_passed_over(backfill: Backfiller, tmp_path: Path) -> None:
    others = recorded(BATCH, worker="dmnd.demandStreamToSqs")
    of_nobody = recorded(batch(carried(sale())), worker=None)
    (tmp_path / "changes.jsonl").write_text(json_lines([HEAD, others, of_nobody]))

    done = backfill(str(tmp_path / "changes.jsonl"), "--yes", "--json")

    assert (done.code, done.json["passedOver"], done.json["rows"]) == (0, 5, 1)


@pytest.mark.parametrize(
    ("answer", "code", "stored"),
    [({"typed": "n\n"}, 1, 0), ({"stdin": "y\n"}, 2, 0)],
    ids=["not agreed", "piped"],
)
def test_it_is_done_only_where_a_person_at_a_terminal_agrees(
    backfill: Backfiller, tmp_path: Path, answer: dict[str, Any], code: int, stored: int
) -> None:
    export = Export(tmp_path)
    export.add("abc", fans("u1", "u2"))

    done = backfill(str(export.written()), **answer)

    assert done.code == code
    assert f"Deliver 2 exported items to the bucket {backfill.bucket.name}" in done.err
    assert len(backfill.bucket.objects()) == stored


def test_a_wrong_call_is_refused_in_one_line(backfill: Backfiller) -> None:
    no_bucket = backfill("absent.jsonl", env={"DEMAND_CAPTURE_BUCKET": ""})
    no_time = backfill("absent.jsonl", "--since", "yesterday")
    no_file = backfill("absent.jsonl", "--yes")

    for done, told in (
        (no_bucket, "needs DEMAND_CAPTURE_BUCKET"),
        (no_time, "--since yesterday is no time"),
        (no_file, "there is no absent.jsonl; name a file"),
    ):
        assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
        assert told in done.err


def test_its_help_has_every_exit_code(backfill: Backfiller) -> None:
    told = " ".join(backfill("--help", env={"COLUMNS": "200"}).out.split())

    assert "0 all delivered, 1 something was not" in told
    assert "130 stopped by Ctrl-C" in told


@pytest.mark.long
def test_the_examples_of_its_help_do_what_they_say(backfill: Backfiller) -> None:
    (backfill.home / "changes.jsonl").write_text(json.dumps(batch(carried(sale()))))
    export = Export(backfill.home / "export")
    export.add("abc", [item_line(sale())])
    export.written()
    export.put_into(Bucket("exports"), prefix="2026-03")
    lines = [f"{name}={value}\n" for name, value in backfill.environment.items()]
    (backfill.home / "local.env").write_text("".join(lines))

    told = backfill("--help", env={"COLUMNS": "200"})

    examples = [line.split() for line in told.out.partition("Examples:")[2].splitlines() if line.strip()]
    assert len(examples) == 4
    for _workers, _pipeline, _backfill, *arguments in examples:
        done = backfill(*arguments, typed=None if {"--yes", "--dry-run"} & {*arguments} else "y\n")
        assert done.code == 0, (arguments, done.err)
