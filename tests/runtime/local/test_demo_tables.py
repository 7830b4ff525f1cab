"""The table of workers in terminals of any width."""

from __future__ import annotations

from worker_runtime.local.demo.tables import table_lines
from worker_runtime.local.stage.counting import WorkerCounts

BUSY = WorkerCounts(
    invocations=123, records=45_678, retries=9, deferred=101, dead_letters=12, crashes=3, busy_s=98.76
)
NUMBERS = ["123", "45678", "9", "101", "0", "12", "3", "98.8s"]
HEADINGS = ["worker", "calls", "records", "retries", "deferred", "skipped", "dead", "crashes", "time"]


def test_a_row_a_worker_fits_80_columns() -> None:
    lines = table_lines({"dmnd.demandStreamToSqs": BUSY, "dmnd.shortenEventUrl": BUSY}, width=80)

    assert [len(line) for line in lines] == [80, 80, 80]
    assert lines[0].split() == HEADINGS
    assert lines[1].split() == ["dmnd.demandStreamToSqs", *NUMBERS]


def test_columns_stand_further_apart_where_there_is_room() -> None:
    heading, _ = table_lines({"dmnd.demandStreamToSqs": BUSY}, width=120)

    assert "calls  records  retries" in heading


def test_numbers_stand_under_the_name_where_they_do_not_fit_beside_it() -> None:
    lines = table_lines({"dmnd.demandStreamToSqs": BUSY}, width=60)

    assert lines[2:] == [
        "dmnd.demandStreamToSqs",
        "    123   45678       9      101       0   12       3 98.8s",
    ]


def test_long_times_lose_their_tenths_and_nothing_else() -> None:
    _, line = table_lines({"shop.pack": WorkerCounts(busy_s=1234.56)}, width=80)

    assert line.split()[-1] == "1235s"
