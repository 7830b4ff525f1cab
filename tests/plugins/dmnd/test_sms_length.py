from __future__ import annotations

import pytest

from workers_dmnd.sms_length import BASIC, EXTENDED, length


@pytest.mark.parametrize(
    ("text", "septets", "units"),
    [
        ("", 0, 0),
        ("Hello @ £5", 10, 10),
        ("à la carte, ¿qué? Ñandú".replace("ú", "u"), 23, 23),
        ("5 €", 4, 3),
        ("{[~]}", 10, 5),
        ("naïve", None, 5),  # ï is not GSM-7's
        ("ça va", None, 5),  # nor is ç, though Ç is
        ("już", None, 3),
        ("👍", None, 2),  # a pair of UTF-16
        ("ok 👍🏽", None, 7),
    ],
)
def test_a_text_is_measured_as_it_is_encoded(text: str, septets: int | None, units: int) -> None:
    measured = length(text)

    assert (measured.septets, measured.units) == (septets, units)


@pytest.mark.parametrize(
    ("text", "fits"),
    [("a" * 480, True), ("a" * 481, False), ("€" * 240, True), ("€" * 241, False), ("ж" * 210, True)],
)
def test_what_is_gsm_7_throughout_may_take_480_septets(text: str, *, fits: bool) -> None:
    assert length(text).fits(480) is fits


@pytest.mark.parametrize(("text", "fits"), [("ж" + "a" * 209, True), ("ж" + "a" * 210, False)])
def test_one_letter_of_another_alphabet_leaves_room_for_210_units(text: str, *, fits: bool) -> None:
    assert length(text).fits(480) is fits


def test_the_alphabet_has_128_places_one_of_them_the_escape() -> None:
    assert (len(BASIC), len(EXTENDED)) == (127, 10)
    assert BASIC.isdisjoint(EXTENDED)


@pytest.mark.parametrize(("text", "said"), [("a€", "3 GSM-7 septets"), ("жa", "2 UCS-2 units")])
def test_a_length_says_what_it_counts(text: str, said: str) -> None:
    assert str(length(text)) == said
