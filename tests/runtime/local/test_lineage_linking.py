"""Changes of an item and the writes that made them, whatever workers and others write meanwhile."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diary import Diary, called, change, message, put, updated
from worker_runtime.local.stage.lineage.linking import links_of
from worker_runtime.local.stage.lineage.prints import Prints, set_by
from worker_runtime.local.stage.lineage.schema import open_to_read

if TYPE_CHECKING:
    from collections.abc import Sequence

PRINTS = Prints(b"salt")
KEY = {"PK": {"S": "k"}, "SK": {"S": "meta"}}
WRITES = st.lists(
    st.tuples(
        st.booleans(),  # by a worker, or by others, whom the gateway does not see
        st.sampled_from(["put", "update", "delete"]),
        st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), min_size=1),
    ),
    max_size=12,
)


REMOVED = called("DynamoDB_20120810.DeleteItem", {"TableName": "orders", "Key": KEY}, {})


def play(diary: Diary, writes: Sequence[tuple[bool, str, dict[str, int]]]) -> dict[str, str | None]:
    """Let the writes happen; by the sequence number of each change, the message of who made it."""
    item: dict[str, Any] | None = None
    makers: dict[str, str | None] = {}
    for at, (by_worker, verb, values) in enumerate(writes):
        said = {name: {"N": str(value)} for name, value in values.items()}
        before = item
        item = {"put": said, "update": {**(item or {}), **said}, "delete": None}[verb]
        if by_worker:
            does = REMOVED if verb == "delete" else (put if verb == "put" else updated)("k", **said)
            diary.invoke(message(f"m-{at}"), does=[does])
        if item != before:
            makers[str(100 + at)] = f"m-{at}" if by_worker else None
            diary.invoke(change(str(100 + at), item, old=before, key="k"), worker="shop.reader")
    return makers


def linked(diary: Diary) -> dict[str, str]:
    diary.journal.flush()
    with closing(open_to_read(diary.file)) as db:
        links = links_of(db, table="orders", key="k meta")
        names = {row["id"]: row["record"] for row in db.execute("SELECT id, record FROM records")}
        of = {row["id"]: names[row["record"]] for row in db.execute("SELECT id, record FROM caused")}
    return {names[record]: of[write] for record, write in links.write_of.items()}


@settings(max_examples=60)
@given(WRITES)
def test_each_change_that_a_worker_made_is_linked_and_no_write_made_two(writes: Any) -> None:
    with tempfile.TemporaryDirectory() as folder, closing(Diary(Path(folder))) as diary:
        makers = play(diary, writes)

        found = linked(diary)

    assert {change for change, maker in makers.items() if maker is not None} <= found.keys()
    assert len(set(found.values())) == len(found)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["put", "update"])), max_size=12))
def test_where_no_value_comes_twice_each_change_finds_its_very_write(kinds: list[tuple[bool, str]]) -> None:
    writes = [(by_worker, verb, {"abc"[at % 3]: at}) for at, (by_worker, verb) in enumerate(kinds)]
    with tempfile.TemporaryDirectory() as folder, closing(Diary(Path(folder))) as diary:
        makers = play(diary, writes)

        found = linked(diary)

    assert found == {sequence: maker for sequence, maker in makers.items() if maker is not None}


def test_numbers_and_sets_have_one_print_however_they_are_written() -> None:
    assert PRINTS.of({"n": {"N": "1.50"}}) == PRINTS.of({"n": {"N": "1.5"}})
    assert PRINTS.of({"n": {"NS": ["2", "1.0"]}}) == PRINTS.of({"n": {"NS": ["1", "2"]}})
    assert PRINTS.of({"n": {"SS": ["b", "a"]}}) == PRINTS.of({"n": {"SS": ["a", "b"]}})
    assert PRINTS.of({"n": {"L": [{"M": {"x": {"N": "10"}}}]}}) == PRINTS.of(
        {"n": {"L": [{"M": {"x": {"N": "1E1"}}}]}}
    )


def test_of_an_update_only_what_it_simply_sets_is_known() -> None:
    call = {
        "UpdateExpression": "SET #s = :s, total = total + :n, at = if_not_exists(at, :t) REMOVE old ADD c :n",
        "ExpressionAttributeNames": {"#s": "state"},
        "ExpressionAttributeValues": {":s": {"S": "paid"}, ":n": {"N": "1"}, ":t": {"N": "7"}},
    }

    assert set_by(call) == {"state": {"S": "paid"}}


def test_one_value_has_another_print_in_each_file(tmp_path: Path) -> None:
    seen = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        with closing(Diary(tmp_path / name)) as diary:
            diary.invoke(change("100", {"state": {"S": "paid"}}, key="k"))
            seen |= {prints for (prints,) in diary.rows("SELECT prints FROM records")}

    assert len(seen) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [("phone", {"S": "5550001234"}), ("PK", {"S": "FAN#+15550001234"}), ("fan", {"M": {"dob": {"S": "x"}}})],
)
def test_many_share_the_print_of_what_is_personal(name: str, value: Any) -> None:
    assert len(PRINTS.of({name: value})) < len(PRINTS.of({"userId": {"S": "u-1"}}))


def test_a_write_of_what_is_personal_finds_its_change(tmp_path: Path) -> None:
    with closing(Diary(tmp_path)) as diary:
        diary.invoke(message("m-1"), does=[updated("k", phone={"S": "5550001234"})])
        diary.invoke(message("m-2"), does=[updated("k", phone={"S": "5550009999"})])
        before = None
        for sequence, number in (("100", "5550001234"), ("101", "5550009999")):
            image = {"phone": {"S": number}}
            diary.invoke(change(sequence, image, old=before, key="k"), worker="shop.reader")
            before = image

        assert linked(diary) == {"100": "m-1", "101": "m-2"}
