"""What an id, or a part of one, is taken for when it is traced."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from diary import Diary, change, message, put, sent, updated
from traced import traced, way
from worker_runtime.local.stage.lineage.finding import ManyFound, NothingFound
from worker_runtime.local.stage.lineage.told import Made, Try, Way

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BILLING = "shop.bill"


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[Diary]:
    with closing(Diary(tmp_path)) as made:
        yield made


def test_an_item_s_changes_and_its_other_writes_are_found_by_a_part_of_its_key(diary: Diary) -> None:
    diary.invoke(message("m-1"), does=[put("order-1"), updated("order-1", seen={"BOOL": True})])
    diary.invoke(change("100", {}, key="order-1"), worker=BILLING)

    told = traced(diary, "order-1").found

    assert [each.record for each in told if isinstance(each, Way)] == ["100"]
    assert [each.verb for each in told if isinstance(each, Made)] == ["UpdateItem"]


@pytest.mark.parametrize("shown_to_people", ["NTF#648333d8-1", "648333d8-1", "648333d8", "NTF#6"])
def test_an_item_is_found_by_what_stands_behind_a_hash_in_its_key(diary: Diary, shown_to_people: str) -> None:
    diary.invoke(message("m-1"), does=[put("NTF#648333d8-1"), put("NTF#7")])

    told = traced(diary, shown_to_people)

    assert (told.id, told.kind) == ("NTF#648333d8-1 meta", "item")


def test_all_items_that_share_a_whole_value_of_their_keys_are_told(diary: Diary) -> None:
    diary.invoke(message("m-1"), does=[put("EVENT#1"), put("USER#1 DEMAND#1#2"), put("EVENT#12")])

    told = traced(diary, "1")

    assert told.id == "1"
    assert [each.thing for each in told.found if isinstance(each, Made)] == [
        "EVENT#1 meta",
        "USER#1 DEMAND#1#2 meta",
    ]


def test_where_too_many_are_meant_each_is_counted_once(diary: Diary) -> None:
    for at in range(20):
        diary.invoke(message(f"m-{at:02}", correlationId=f"m-{at:02}"))

    with pytest.raises(ManyFound, match=r"'m-' begins 20 ids; .*m-11 \(record, shop.ship\) and 8 more$"):
        traced(diary, "m-")
    with pytest.raises(NothingFound):
        traced(diary, "%")


def test_a_value_that_very_many_items_have_is_told_as_such(diary: Diary) -> None:
    diary.invoke(message("m-1"), does=[put(f"NTF#{at:02}") for at in range(20)])

    with pytest.raises(ManyFound, match=r"'meta' is in the keys of 20 items; .* and 8 more$"):
        traced(diary, "meta")


def test_a_work_is_found_by_its_correlation_id(diary: Diary) -> None:
    diary.invoke(message("m-1", correlationId="c-1"), does=[sent("m-2", correlationId="c-1")])
    diary.invoke(message("m-2", correlationId="c-1"), worker=BILLING)

    told = traced(diary, "c-1")

    assert told.kind == "correlation id"
    assert [each.record for each in told.found if isinstance(each, Way)] == ["m-1"]


def test_a_request_is_told_with_all_that_it_made(diary: Diary) -> None:
    request = diary.invoke(message("m-1"), message("m-2"), does=[sent("m-3"), sent("m-4")])

    (told,) = traced(diary, request).found

    assert isinstance(told, Try)
    assert [each.thing for each in told.made] == ["m-3", "m-4"]


def test_a_beginning_is_enough_where_only_one_id_has_it(diary: Diary) -> None:
    diary.invoke(message("4049e355-1"))
    diary.invoke(message("4049f000-1"))

    assert way(diary, "4049e").record == "4049e355-1"
    with pytest.raises(ManyFound, match=r"begins 2 ids; .*4049e355-1 \(record, shop.ship\), 4049f000-1"):
        traced(diary, "4049")


def test_an_id_that_begins_another_is_taken_for_itself(diary: Diary) -> None:
    diary.invoke(message("m-1"))
    diary.invoke(message("m-11"))

    assert way(diary, "m-1").record == "m-1"


def test_what_is_not_known_is_said(diary: Diary) -> None:
    with pytest.raises(NothingFound, match="'nothing'"):
        traced(diary, "nothing")
