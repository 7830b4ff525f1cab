from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker_runtime import Halt
from workers_pipeline.hashing import Hashes


@given(
    salt=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80),
    value=st.text("aä+1@", min_size=1),
)
def test_a_hash_is_the_standard_librarys_hmac(salt: str, value: str) -> None:
    expected = hmac.new(salt.encode(), value.encode(), "sha256").hexdigest()

    assert Hashes(lambda: salt)[value] == expected


def test_nothing_has_no_hash() -> None:
    hashes = Hashes(lambda: "pepper")

    assert (hashes[None], hashes[""]) == (None, None)


def test_spaces_around_and_capitals_make_no_difference() -> None:
    hashes = Hashes(lambda: "pepper")

    assert hashes[" Fan@Example.com "] == hashes["fan@example.com"]


def test_keys_are_hashed_as_they_are_written_so_that_two_never_become_one() -> None:
    hashes = Hashes(lambda: "pepper")

    assert hashes.of_key("USER#A@x.com") != hashes.of_key("USER#a@x.com")
    assert hashes.of_key("+12125550199") == hashes["+12125550199"]  # and join what they can


def test_another_salt_makes_another_hash() -> None:
    assert Hashes(lambda: "pepper")["x"] != Hashes(lambda: "salt")["x"]


def test_the_salt_is_fetched_once_and_only_for_a_value() -> None:
    fetched: list[str] = []

    def salt() -> str:
        fetched.append("once")
        return "pepper"

    hashes = Hashes(salt)
    without = hashes[None], list(fetched)
    _ = hashes["a"], hashes["b"]

    assert without == (None, [])
    assert fetched == ["once"]


def test_an_empty_salt_halts_since_its_hashes_could_be_guessed() -> None:
    with pytest.raises(Halt, match="the salt of hashes is empty"):
        _ = Hashes(lambda: "")["+12125550199"]
