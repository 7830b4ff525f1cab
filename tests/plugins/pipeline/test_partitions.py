from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers_pipeline.partitions import PartitionPolicy

FIRST, LAST = datetime(2020, 1, 1), datetime(2099, 12, 31, 23, 59)  # noqa: DTZ001 - bounds have no zone


@given(st.lists(st.datetimes(FIRST, LAST, timezones=st.just(UTC)), min_size=1))
def test_a_partition_is_the_utc_date_of_the_change_in_whatever_order_changes_come(
    times: list[datetime],
) -> None:
    policy = PartitionPolicy()

    for time in times:
        in_ms = int(time.timestamp()) * 1000 + time.microsecond // 1000
        assert policy.date_of(in_ms) == time.date().isoformat()


@pytest.mark.parametrize(
    ("ms", "date"),
    [(1_772_409_599_999, "2026-03-01"), (1_772_409_600_000, "2026-03-02"), (1_577_836_800_000, "2020-01-01")],
)
def test_a_day_ends_at_midnight_utc(ms: int, date: str) -> None:
    assert PartitionPolicy().date_of(ms) == date


@pytest.mark.parametrize("ms", [-1, 0, 1_577_836_799_999, 4_102_444_800_000, 10**17])
def test_a_time_that_no_query_would_find_has_no_partition(ms: int) -> None:
    with pytest.raises(ValueError, match="no date of a partition"):
        PartitionPolicy().date_of(ms)
