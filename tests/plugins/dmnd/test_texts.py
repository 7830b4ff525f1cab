from __future__ import annotations

from importlib import resources
from typing import Any

import pytest

from worker_runtime import Reject
from workers_dmnd.models import Notification, NotificationStatus, Status
from workers_dmnd.sms_length import length
from workers_dmnd.texts import PackagedTexts, best_locale, in_one_line

WORDS = {"eventName": "The Night Owls", "shortUrl": "https://bit.ly/e1", "saleName": "Presale"}
FILES = [
    (folder.name, file.name.removesuffix(".txt"))
    for folder in (resources.files("workers_dmnd") / "templates").iterdir()
    for file in folder.iterdir()
]


def text(*, template: str = "sale-open", locale: str = "en-US", max_septets: int = 480, **words: Any) -> str:
    notification = Notification(
        notification_id="n1",
        user_id="u1",
        event_id="e1",
        to="+12125550123",
        template_id=template,
        send_at="2026-02-03T15:00:00.000Z",
        status=NotificationStatus(Status.SENDING),
        vars={**WORDS, **words},
        locale=locale,
    )
    return PackagedTexts(max_septets=max_septets).text(notification)


def refusal(**asked: Any) -> str:
    with pytest.raises(Reject) as refused:
        text(**asked)
    assert refused.value.code == "TEMPLATE_ERROR"
    return refused.value.detail


def test_a_fan_reads_their_language() -> None:
    read = text(locale="de-DE")

    assert read == (
        "The Night Owls: Presale beginnt in Kürze. Hier gibt es Tickets: https://bit.ly/e1 Abmelden mit STOP."
    )


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("es-MX", "es-MX"),
        ("es_mx", "es-MX"),
        ("es", "es-ES"),
        ("es-AR", "es-ES"),
        ("en-GB", "en-US"),
        ("en", "en-US"),
        ("ja-JP", "en-US"),
        ("", "en-US"),
    ],
)
def test_a_locale_gives_way_to_its_language_and_then_to_english(wanted: str, chosen: str) -> None:
    there = ["en-CA", "es-MX", "en-US", "es-ES", "fr-CA"]

    assert best_locale(wanted, there) == chosen


def test_where_not_even_english_is_there_none_is_chosen() -> None:
    assert best_locale("ja-JP", ["fr-CA"]) is None


@pytest.mark.parametrize("name", ["sale-closed", "", "../settings", "sale-open/..", "/etc", "SALE-OPEN"])
def test_a_template_that_is_not_there_is_rejected(name: str) -> None:
    assert "no template" in refusal(template=name)


def test_a_word_that_is_missing_is_named() -> None:
    notification = Notification(
        notification_id="n1",
        user_id="u1",
        event_id="e1",
        to="+12125550123",
        template_id="sale-open",
        send_at="2026-02-03T15:00:00.000Z",
        status=NotificationStatus(Status.SENDING),
        vars={"eventName": "The Night Owls"},
    )

    with pytest.raises(Reject, match="saleName"):
        PackagedTexts(max_septets=480).text(notification)


def test_a_text_that_is_too_long_is_rejected_by_its_length_alone() -> None:
    detail = refusal(eventName="Owl" * 150)

    assert "septets" in detail
    assert "Owl" not in detail


def test_other_alphabets_have_less_room() -> None:
    assert "совы" in text(eventName="Ночные совы")
    assert "UCS-2" in refusal(eventName="Ночные совы" * 15)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("Night\r\nOwls", "Night Owls"),
        ("Night\u2028Owls\u0085live", "Night Owls live"),
        ("  Night \t Owls  ", "Night Owls"),
        ("Night\x00\x1b[31mOwls", "Night[31mOwls"),
        ("Night \u202eslwO\u200b", "Night slwO"),
        ("Beyonce\u0301", "Beyoncé"),
        ("half \ud83d pair", "half  pair"),
    ],
)
def test_a_word_smuggles_nothing_into_the_text(given: str, read: str) -> None:
    assert in_one_line(given) == read


def test_a_word_is_no_template() -> None:
    assert "${shortUrl}: Presale" in text(eventName="${shortUrl}")


@pytest.mark.parametrize(("template", "locale"), FILES)
def test_every_template_is_one_line_that_fits(template: str, locale: str) -> None:
    read = text(template=template, locale=locale)

    assert read.isprintable()
    assert WORDS["eventName"] in read
    assert WORDS["shortUrl"] in read
    assert "$" not in read


@pytest.mark.parametrize(("template", "locale"), [each for each in FILES if each[1] != "pl-PL"])
def test_templates_keep_to_gsm_7_where_their_language_can(template: str, locale: str) -> None:
    assert length(text(template=template, locale=locale)).septets is not None


def test_every_template_speaks_the_default_language() -> None:
    spoken: dict[str, set[str]] = {}
    for template, locale in FILES:
        spoken.setdefault(template, set()).add(locale)

    assert all("en-US" in locales for locales in spoken.values())
