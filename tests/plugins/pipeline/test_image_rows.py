"""Whole numbers of 64 bits, which DynamoDB writes as text of any form."""

from __future__ import annotations

import pytest

from workers_pipeline.image_rows import whole


@pytest.mark.parametrize(("digits", "number"), [("12", 12), ("-3", -3), ("1E2", 100), ("4.0", 4), ("0", 0)])
def test_a_whole_number_is_read_however_it_is_written(digits: str, number: int) -> None:
    assert whole(digits) == number


@pytest.mark.parametrize("digits", ["1.5", "x", "", "1_0", "٣", "NaN", str(2**63), "1E999", " 1"])
def test_what_is_no_whole_number_of_64_bits_is_refused(digits: str) -> None:
    with pytest.raises(ValueError, match="it is no whole number of 64 bits"):
        whole(digits)
