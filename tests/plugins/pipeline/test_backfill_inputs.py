"""What is read for a backfill: every line is in a batch, each time in the same one, or named."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfills import HEAD, Export, change_line, item_line, json_lines, recorded
from deliveries import FakeWarehouse, batch, carried, deliver, demand, poison, sale
from worker_runtime.local.commands.reporting import Misuse
from workers_pipeline.local.backfill.batches import EVENT_BYTES_MAX, Batch, Input
from workers_pipeline.local.backfill.inputs import digest_of, inputs_of
from workers_pipeline.local.backfill.lines import LONGEST

if TYPE_CHECKING:
    from pathlib import Path

BATCH = batch(poison(), carried(demand(), at=1), carried(sale(), at=2))


def opened(*sources: Path | str) -> list[Input]:
    return inputs_of([str(each) for each in sources], s3=lambda: pytest.fail("it is no bucket"))


def batches_of(source: Path | str, *, behind: int = 0) -> list[Batch]:
    return [each for file in opened(source) for each in file.batches(behind=behind)]


def codes_of(source: Path | str) -> list[tuple[int | None, str]]:
    return [(each.line, each.code) for batch in batches_of(source) for each in batch.unread]


def written(path: Path, held: str | bytes) -> Path:
    path.write_bytes(held.encode() if isinstance(held, str) else held)
    return path


WRITTEN = {
    "a recording": json_lines([HEAD, recorded(BATCH)]),
    "lines of events": json_lines([BATCH, BATCH]),
    "lines with a mark before": "\ufeff" + json_lines([BATCH]),
    "lines with blank ones between": f"\n{json.dumps(BATCH)}\n\n   \n{json.dumps(BATCH)}",
    "one event": json.dumps(BATCH),
    "one event, indented": json.dumps(BATCH, indent=2),
    "compressed": gzip.compress(json_lines([BATCH]).encode()),
}


@pytest.mark.parametrize("held", WRITTEN.values(), ids=WRITTEN)
def test_recorded_events_are_handed_over_as_they_were(tmp_path: Path, held: str | bytes) -> None:
    found = [each for each in batches_of(written(tmp_path / "changes", held)) if each.event]

    assert found
    assert all(each.event == BATCH and len(each.lines) == 3 for each in found)
    assert codes_of(tmp_path / "changes") == []


@pytest.mark.parametrize("end", [None, -9], ids=["whole", "cut off"])
def test_an_event_over_several_lines_is_one_whether_it_is_compressed_or_not(
    tmp_path: Path, end: int | None
) -> None:
    event = batch(carried(demand()))
    packed = gzip.compress(b"\xef\xbb\xbf" + json.dumps(event, indent=2).encode())

    source = written(tmp_path / "event.json.gz", packed[:end])

    if end is None:
        assert [each.event for each in batches_of(source)] == [event]
    else:
        assert codes_of(source)[-1][1] == "BROKEN_GZIP"


def test_what_is_no_event_of_the_worker_is_named_by_its_line(tmp_path: Path) -> None:
    strange: list[Any] = [
        {"Records": [{"eventSource": "aws:sqs", "body": "x"}]},
        {"hello": 1},
        {"Records": [{"eventSource": "aws:kinesis", "kinesis": {}}]},
        {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"sequenceNumber": "x"}}]},
        {"Records": [{"eventSource": "aws:kinesis"}, 7]},
        {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"sequenceNumber": 7}}]},
        {"Records": [BATCH["Records"][0], 7]},
        [1],
        "Records",
        recorded({"Records": 1}),
        recorded(None),
    ]
    text = json_lines(strange) + '{"Records"\n' + "[" * 100_000 + "\n" + json_lines([BATCH, {"Records": []}])
    path = written(tmp_path / "changes.jsonl", text)

    codes = codes_of(path)

    assert codes == [*((at, "NO_EVENT") for at in range(1, 12)), (12, "NO_JSON"), (13, "NO_JSON")]
    assert [each.event for each in batches_of(path) if each.event] == [BATCH]


def test_an_event_that_lambda_would_not_take_is_named(tmp_path: Path) -> None:
    large = batch(*(carried(sale(note="x" * 350_000), at=at) for at in range(14)))
    path = written(tmp_path / "changes.jsonl", json_lines([large, BATCH]))

    (unread,) = batches_of(path)[0].unread

    assert (unread.code, unread.changes) == ("TOO_LARGE", 14)


def test_a_line_without_end_is_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path / "changes.jsonl", "x" * (LONGEST + 10) + "\n" + json.dumps(BATCH))

    first, second = batches_of(path)

    assert [(each.line, each.code, len(each.text)) for each in first.unread] == [(1, "TOO_LARGE", 1_000)]
    assert second.event == BATCH


def exported(tmp_path: Path, *lines: str | bytes, **kind: Any) -> Path:
    export = Export(tmp_path, **kind)
    export.add("abc", lines)
    return export.written()


def test_an_export_is_cut_after_a_thousand_lines_whatever_they_are(tmp_path: Path) -> None:
    lines = ["nothing" if at % 3 == 0 else item_line({"PK": {"S": str(at)}}) for at in range(2_500)]

    found = batches_of(exported(tmp_path, *lines))

    assert [each.last for each in found] == [1_000, 2_000, 2_500]
    assert [len(each.lines) + len(each.unread) for each in found] == [1_000, 1_000, 500]


def test_an_export_is_cut_where_lambda_would_take_no_more(tmp_path: Path) -> None:
    lines = [item_line(demand(f"u{at}", note="x" * 300_000)) for at in range(40)]

    found = batches_of(exported(tmp_path, *lines))

    sizes = [len(json.dumps(each.event, separators=(",", ":"))) for each in found]
    assert sum(len(each.lines) for each in found) == 40
    assert all(size <= EVENT_BYTES_MAX for size in sizes)
    assert min(sizes[:-1]) > EVENT_BYTES_MAX - 500_000


def test_what_is_left_of_an_export_is_cut_as_if_it_had_been_read_from_the_beginning(tmp_path: Path) -> None:
    lines = [item_line(demand(f"u{at}", note="x" * (at % 7) * 9_000)) for at in range(1_500)]
    folder = exported(tmp_path, *lines)
    whole = batches_of(folder)

    for at, each in enumerate(whole):
        assert batches_of(folder, behind=each.last) == whole[at + 1 :]


def test_an_exports_changes_are_what_the_stream_would_carry(tmp_path: Path) -> None:
    at_us = 1_772_366_400_123_456
    folder = exported(
        tmp_path,
        change_line(demand(quantity=5), old=demand(), at_us=at_us),
        change_line(old=demand(), at_us=at_us),
        incremental=True,
    )
    (found,) = batches_of(folder)
    warehouse = FakeWarehouse()

    reply = deliver(found.event, warehouse)

    assert reply == {"batchItemFailures": []}
    assert [(row["change_type"], row["quantity"], row["pk"]) for row in warehouse.of("demand")] == [
        ("MODIFY", 5, "USER#u1"),
        ("REMOVE", 2, "USER#u1"),
    ]


REFUSED = {
    "absent.jsonl": r"there is no .*absent\.jsonl; name",
    "empty": r"there is no manifest-summary\.json in .*empty",
    "alone.json": "no manifest-summary.json is near it",
    "tomorrow.jsonl": "recording of version 2",
    "s3://": "names no bucket",
}


@pytest.mark.parametrize(
    "stamp",
    [
        *(
            json.dumps({"N": number})
            for number in ("9" * 30, "9" * 400, "9" * 5_000, "-" + "9" * 30, "NaN", "")
        ),
        *("true", '{"N": true}', "1e300", "[]", '{"N": []}', '"soon"', "null", "{}"),
    ],
    ids=lambda stamp: stamp[:20],
)
def test_a_time_that_no_calendar_has_is_named_and_costs_no_other_line(tmp_path: Path, stamp: str) -> None:
    good = change_line(demand(), at_us=1_772_366_400_000_000)
    odd = good.replace('{"N": "1772366400000000"}', stamp)

    path = exported(tmp_path, odd, good, incremental=True)

    assert odd != good
    assert codes_of(path) == [(1, "NO_TIME")]
    assert [each.lines for each in batches_of(path)] == [[2]]


@pytest.mark.parametrize(("name", "told"), REFUSED.items(), ids=REFUSED)
def test_what_is_none_of_ours_is_refused_before_anything_is_delivered(
    tmp_path: Path, name: str, told: str
) -> None:
    (tmp_path / "empty").mkdir()
    written(tmp_path / "alone.json", item_line(demand()))
    written(tmp_path / "tomorrow.jsonl", json_lines([{**HEAD, "version": 2}]))

    with pytest.raises(Misuse, match=told):
        opened(name if name.startswith("s3") else tmp_path / name)


def test_what_is_named_twice_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "changes.jsonl", json.dumps(BATCH))

    with pytest.raises(Misuse, match="named twice"):
        opened(path, path)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"itemCount": 9}, "tells of 9 items, and manifest-files.json beside it of 1"),
        ({"outputFormat": "ION"}, "export as DYNAMODB_JSON"),
        ({"exportArn": "arn:aws:dynamodb"}, "is the ARN of no export"),
        ({"exportArn": None}, "is no manifest of an export"),
    ],
)
def test_manifests_that_do_not_fit_are_refused(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    export = Export(tmp_path)
    export.add("abc", [item_line(sale())])

    with pytest.raises(Misuse, match=told):
        opened(export.written(**changed))


def test_files_whose_rows_would_stand_over_each_other_are_refused(tmp_path: Path) -> None:
    export = Export(tmp_path)
    export.add("a b", [item_line(sale())])
    export.add("a_b", [item_line(sale())])

    with pytest.raises(Misuse, match="differ in signs alone"):
        opened(export.written())


def test_a_file_that_has_not_all_of_its_items_is_named(tmp_path: Path) -> None:
    folder = exported(tmp_path, item_line(sale()), item_line(demand()))
    listing = folder / "manifest-files.json"
    told = {**json.loads(listing.read_text()), "itemCount": 3}
    written(listing, json.dumps(told))
    summary = folder / "manifest-summary.json"
    written(summary, json.dumps({**json.loads(summary.read_text()), "itemCount": 3}))

    *_, last = batches_of(folder)

    assert [(each.code, each.changes, each.why) for each in last.unread] == [
        ("ITEM_COUNT", 0, "it has 2 items, and manifest-files.json tells of 3")
    ]
    assert batches_of(folder, behind=last.last) == []


def test_exports_in_a_folder_are_taken_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    for made in ("01772366400002-b", "01772366400001-c"):
        export = Export(tmp_path / made, export_id=made)
        export.add("abc", [item_line(sale())])
        export.written()

    assert ["00001-c" in each.name for each in opened(tmp_path)] == [True, False]


def test_another_content_or_bucket_is_another_backfill_and_another_folder_is_not(tmp_path: Path) -> None:
    (tmp_path / "moved").mkdir()
    path = written(tmp_path / "changes.jsonl", json_lines([BATCH]))
    before = digest_of(opened(path), options="a bucket")
    moved = path.rename(tmp_path / "moved" / path.name)

    of_another_folder = digest_of(opened(moved), options="a bucket")
    of_another_bucket = digest_of(opened(moved), options="another bucket")
    of_another_content = digest_of(opened(written(path, json_lines([BATCH] * 2))), options="a bucket")

    assert of_another_folder == before
    assert len({before, of_another_bucket, of_another_content}) == 3


junk = st.one_of(
    st.binary(max_size=40),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.dictionaries(
                st.sampled_from(
                    ("Item", "Metadata", "Keys", "NewImage", "OldImage", "WriteTimestampMicros", "N")
                ),
                inner,
                max_size=4,
            )
            | st.lists(inner, max_size=3)
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    st.integers(0, 9).map(lambda at: item_line(demand(f"u{at}")).encode()),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(junk, max_size=12))
def test_every_line_of_an_export_is_a_change_or_named_and_good_ones_are_rows(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    lines = [line.replace(b"\n", b"").strip() or b"{}" for line in lines]
    folder = exported(tmp_path_factory.mktemp("export"), *lines)
    good = {at for at, line in enumerate(lines, start=1) if b'"DEMAND#e1#s1"' in line}
    warehouse = FakeWarehouse()

    found = batches_of(folder)
    for each in found:
        if each.event is not None:
            assert deliver(each.event, warehouse) == {"batchItemFailures": []}

    seen = [at for each in found for at in (*each.lines, *(unread.line or 0 for unread in each.unread))]
    assert sorted(seen) == [*range(1, len(lines) + 1)]
    assert len(warehouse.of("demand")) == len(good)
