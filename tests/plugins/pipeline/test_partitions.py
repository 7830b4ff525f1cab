from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers_pipeline.partitions import PartitionPolicy


@given(st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), min_size=1))  # noqa: DTZ001 - bounds have none
def test_a_partition_is_the_utc_date_of_the_change_in_whatever_order_changes_come(
    times: list[datetime],
) -> None:
    policy = PartitionPolicy()

    for time in times:
        in_ms = int(time.timestamp()) * 1000 + time.microsecond // 1000
        assert policy.date_of(in_ms) == time.date().isoformat()


@pytest.mark.parametrize(
    ("ms", "date"),
    [(1_772_409_599_999, "2026-03-01"), (1_772_409_600_000, "2026-03-02"), (0, "1970-01-01")],
)
def test_a_day_ends_at_midnight_utc(ms: int, date: str) -> None:
    assert PartitionPolicy().date_of(ms) == date
