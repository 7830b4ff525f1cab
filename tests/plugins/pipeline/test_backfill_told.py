"""What ``workers pipeline backfill`` tells, before, on the way and in the end; and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from backfills import HEAD, Backfiller, Export, item_line, json_lines, recorded
from deliveries import batch, carried, demand, sale

if TYPE_CHECKING:
    from pathlib import Path


def exported(folder: Path, *names: str) -> str:
    export = Export(folder)
    export.add("a", [item_line(demand(name)) for name in names])
    return str(export.written())


def test_a_dry_run_looks_for_bucket_and_queue_and_names_them(backfill: Backfiller, tmp_path: Path) -> None:
    source = exported(tmp_path, "u1")

    good = backfill(source, "--dry-run")
    no_bucket = backfill(source, "--dry-run", env={"DEMAND_CAPTURE_BUCKET": "no-such-bucket"})
    no_queue = backfill(
        source, "--dry-run", env={"DELIVERY_WORKER_DLQ_QUEUE_URL": f"{backfill.queue_url}-no"}
    )

    queue = backfill.queue_url.rpartition("/")[2]
    assert good.code == 0
    assert f"it would go to the bucket {backfill.bucket.name} at " in good.out
    assert f"dead letters to the queue {queue}" in good.out
    assert (no_bucket.code, no_queue.code) == (1, 1)
    assert "the bucket no-such-bucket at" in no_bucket.err
    assert "is DEMAND_CAPTURE_BUCKET right, and may we look at it?" in no_bucket.err
    assert f"the queue {queue}-no at" in no_queue.err


def test_the_question_names_bucket_and_queue(backfill: Backfiller, tmp_path: Path) -> None:
    done = backfill(exported(tmp_path, "u1"), typed="n\n")

    assert backfill.bucket.name in done.err
    assert f"dead letters to the queue {backfill.queue_url.rpartition('/')[2]}?" in done.err


def test_batches_that_come_again_are_counted_apart_in_a_dry_run_too(
    backfill: Backfiller, tmp_path: Path
) -> None:
    first, second = batch(carried(demand("u1"))), batch(carried(sale(), at=1))
    (tmp_path / "run.jsonl").write_text(json_lines([HEAD, *map(recorded, (first, second, first, first))]))

    dry = backfill(str(tmp_path / "run.jsonl"), "--dry-run")
    wet = backfill(str(tmp_path / "run.jsonl"), "--yes")

    again = "2 rows of batches that came again, over the same files"
    assert len(backfill.bucket.objects()) == 2
    assert f"4 changes: 2 rows in 2 files would be stored, {again}" in dry.out
    assert f"4 changes: 2 rows in 2 files stored, {again}" in wet.out


def test_a_range_that_nothing_is_in_is_told(backfill: Backfiller, tmp_path: Path) -> None:
    done = backfill(exported(tmp_path, "u1", "u2"), "--since", "2026-04-01", "--yes")

    assert done.code == 0
    assert "2 out of range" in done.out
    assert "another worker" not in done.out
    assert "no change is in the range that was asked for" in done.out


def test_who_is_not_asked_is_told_that_it_goes_on(backfill: Backfiller, tmp_path: Path) -> None:
    source = exported(tmp_path, *(f"u{at}" for at in range(1_001)))
    backfill(source, "--yes", "--state", "s.json")
    state = json.loads((backfill.home / "s.json").read_text())
    behind_first = {**state, "done": False, "last": 1_000}
    behind_first["tally"] |= {"read": 1_000}
    behind_first["tally"]["stored"] = {
        "demand/partition_date=2026-03-01": {"files": 1, "rows": 1_000, "bytes": 1}
    }
    (backfill.home / "s.json").write_text(json.dumps(behind_first))

    done = backfill(source, "--yes", "--state", "s.json")

    assert "going on behind the first 1,000 changes, as s.json has it" in done.err
    assert "1,001 changes: 1,001 rows in 2 files stored" in done.out


def test_copies_of_an_export_are_named_by_their_manifests(backfill: Backfiller, tmp_path: Path) -> None:
    exported(tmp_path / "first", "u1")
    exported(tmp_path / "second", "u1")

    done = backfill(str(tmp_path), "--yes")

    assert (done.code, done.out) == (2, "")
    for copy in ("first", "second"):
        assert f"{tmp_path}/{copy}/AWSDynamoDB/01772366400000-2d8752fd/manifest-summary.json" in done.err
    assert "tell of one export; name one of them." in done.err


def test_what_is_no_source_is_refused_before_it_is_asked(backfill: Backfiller, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Nothing\n\nto deliver\n")

    text = backfill(str(tmp_path / "README.md"), "--yes")
    absent = backfill("http://x", "--yes")

    assert (text.code, absent.code) == (2, 2)
    assert "README.md is no recording and of no export" in text.err
    assert "there is no http://x; name a file" in absent.err


def test_types_may_be_joined_by_commas(backfill: Backfiller, tmp_path: Path) -> None:
    export = Export(tmp_path)
    export.add("a", [item_line(demand("u1")), item_line(sale())])
    source = str(export.written())

    both = backfill(source, "--type", "sale,demand", "--dry-run", "--json")
    looked = backfill.workers("pipeline", "inspect", str(tmp_path), "--type", "sale,note")

    assert both.json["rows"] == 2
    assert (looked.code, "there is no table 'note'" in looked.err) == (2, True)


def test_another_endpoint_may_be_named(backfill: Backfiller, tmp_path: Path) -> None:
    url = backfill.environment["AWS_ENDPOINT_URL"]

    done = backfill(
        exported(tmp_path, "u1"),
        "--endpoint-url",
        url,
        "--dry-run",
        env={"AWS_ENDPOINT_URL": "", "AWS_REGION": ""},
    )

    assert (done.code, f"at {url}" in done.out) == (0, True), done.err


def test_why_is_told_alike_in_the_file_and_on_the_screen(backfill: Backfiller, tmp_path: Path) -> None:
    export = Export(tmp_path)
    export.add("a", [item_line(demand("u1", quantity="two"))])

    done = backfill(str(export.written()), "--yes", "--rejected", "bad.jsonl")

    kept = json.loads((backfill.home / "bad.jsonl").read_text())
    assert not kept["why"].startswith("SCHEMA_VIOLATION")
    assert f"line 1: SCHEMA_VIOLATION: {kept['why']}" in done.out


def test_its_help_tells_how_it_ends_when_it_is_stopped(backfill: Backfiller) -> None:
    told = " ".join(backfill("--help", env={"COLUMNS": "200"}).out.split())

    assert "130 stopped by Ctrl-C, 143 by SIGTERM" in told
