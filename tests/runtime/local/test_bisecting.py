"""The rule by which Lambda retries a stream's batch."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from worker_runtime.local.stage.polling.bisecting import UNLIMITED, Next, Piece, after_error, after_partial

if TYPE_CHECKING:
    from collections.abc import Callable

ABCD = Piece(("a", "b", "c", "d"))


def test_an_error_halves_the_batch_and_spends_no_retry() -> None:
    following = after_error(ABCD, bisect=True, retries=3)

    assert following == Next(again=(Piece(("a", "b")), Piece(("c", "d"))))


def test_without_bisect_an_error_repeats_the_whole_batch() -> None:
    following = after_error(ABCD, bisect=False, retries=3)

    assert following == Next(again=(Piece(ABCD.records, 1),))


def test_one_record_is_given_up_when_its_retries_are_spent() -> None:
    piece = Piece(("a",))
    invocations = 0
    while True:
        invocations += 1
        following = after_error(piece, bisect=True, retries=3)
        if following.given_up:
            break
        (piece,) = following.again

    assert invocations == 4
    assert following == Next(given_up=Piece(("a",), 4))


def test_a_partial_reply_splits_there_and_retries_only_the_rest() -> None:
    following = after_partial(ABCD, 2, retries=3)

    assert following == Next(again=(Piece(("c", "d")),))


def test_progress_gives_no_retry_back() -> None:
    following = after_partial(Piece(ABCD.records, 2), 2, retries=3)

    assert following == Next(again=(Piece(("c", "d"), 2),))


def test_a_partial_reply_at_the_first_record_neither_halves_nor_spares() -> None:
    following = after_partial(Piece(ABCD.records, 3), 0, retries=3)

    assert following == Next(given_up=Piece(ABCD.records, 4))


def test_unlimited_retries_give_nothing_up() -> None:
    following = after_error(Piece(("a",), 10_000), bisect=True, retries=UNLIMITED)

    assert following == Next(again=(Piece(("a",), 10_001),))


def worked_off(
    records: list[int], next_of: Callable[[Piece[int]], Next[int] | None]
) -> tuple[list[int], list[int]]:
    """Try pieces until none is left; (records done, in that order; records given up)."""
    done: list[int] = []
    given_up: list[int] = []
    pieces = deque([Piece(tuple(records))])
    while pieces:
        piece = pieces.popleft()
        following = next_of(piece)
        if following is None:
            done += piece.records
            continue
        pieces.extendleft(reversed(following.again))
        if following.given_up is not None:
            given_up += following.given_up.records
    return done, given_up


@given(size=st.integers(1, 64), poison=st.sets(st.integers(0, 63)), retries=st.integers(0, 3))
def test_bisect_gives_up_the_poison_records_and_no_other(size: int, poison: set[int], retries: int) -> None:
    records = list(range(size))

    def following(piece: Piece[int]) -> Next[int] | None:
        return after_error(piece, bisect=True, retries=retries) if poison & set(piece.records) else None

    done, given_up = worked_off(records, following)

    assert done == [each for each in records if each not in poison]
    assert given_up == [each for each in records if each in poison]


@given(size=st.integers(1, 64), failing=st.sets(st.integers(0, 63)))
def test_partial_replies_lose_nothing_before_the_failed_record(size: int, failing: set[int]) -> None:
    passed: list[int] = []

    def following(piece: Piece[int]) -> Next[int] | None:
        at = next((at for at, each in enumerate(piece.records) if each in failing), None)
        if at is None:
            return None
        passed.extend(piece.records[:at])
        if at == 0 and len(piece.records) > 1:  # what our runtime does there: it raises
            return after_error(piece, bisect=True, retries=2)
        return after_partial(piece, at, retries=2)

    done, given_up = worked_off(list(range(size)), following)

    assert sorted({*done, *passed}) == [each for each in range(size) if each not in failing]
    assert sorted(given_up) == [each for each in range(size) if each in failing]
