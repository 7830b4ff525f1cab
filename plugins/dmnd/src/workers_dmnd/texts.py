"""What a fan reads: one template a message and language, files of the package beside this one.

``templates/sale-open/es-MX.txt`` names ${eventName} and whatever else the notification's ``vars`` hold.
"""

from __future__ import annotations

import re
from functools import lru_cache
from string import Template
from typing import TYPE_CHECKING, Final
from unicodedata import category, normalize

from worker_runtime import Reject
from workers_dmnd.sms_length import length

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workers_dmnd.models import Notification

DEFAULT: Final = "en-US"
ENDING: Final = ".txt"
CODE: Final = "TEMPLATE_ERROR"

_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")  # so that none leads out of the folder
_NOT_SHOWN: Final = frozenset({"Cc", "Cf", "Cs"})  # control, format (it may turn text around), half a pair
_NAME_CHARS: Final = 64  # of an unknown name, in an error
_KEPT: Final = 256


class PackagedTexts:
    """Serves ``Texts``: templates are read when they are first needed, and kept."""

    def __init__(self, *, max_septets: int) -> None:
        self._max_septets = max_septets

    def text(self, notification: Notification) -> str:
        """Return the text in the fan's language, else in English; else Reject ``TEMPLATE_ERROR``."""
        name = notification.template_id
        template = _template(name, notification.locale)
        words = {word: in_one_line(said) for word, said in notification.vars.items()}
        try:
            text = template.substitute(words).strip()
        except KeyError as missing:
            raise Reject(CODE, f"template {name} needs {missing}, which the notification lacks") from missing
        if not text:
            raise Reject(CODE, f"template {name} says nothing")
        needed = length(text)
        if not needed.fits(self._max_septets):
            raise Reject(CODE, f"the text of {name} takes {needed}, more than {self._max_septets} septets do")
        return text


def in_one_line(word: str) -> str:
    """Return a word without line breaks, or anything else that is not seen."""
    shown = "".join(each for each in " ".join(word.split()) if category(each) not in _NOT_SHOWN)
    return normalize("NFC", shown)  # GSM-7 knows é, and not e with an accent behind it


def best_locale(wanted: str, among: Iterable[str]) -> str | None:
    """Choose the locale wanted, else one of its language, else ``DEFAULT``; None where none is there."""
    wanted = wanted.replace("_", "-").lower()
    ordered = sorted(among, key=lambda each: (each != DEFAULT, each))
    same = [each for each in ordered if each.lower() == wanted]
    akin = [each for each in ordered if _language(each) == _language(wanted)]
    default = [each for each in ordered if each == DEFAULT]
    return next(iter((*same, *akin, *default)), None)


def _language(locale: str) -> str:
    return locale.partition("-")[0].lower()


@lru_cache(maxsize=_KEPT)
def _template(name: str, locale: str) -> Template:
    from importlib import resources  # noqa: PLC0415 - with the first text; a cold start waits for none

    folder = resources.files("workers_dmnd") / "templates" / name
    if _NAME.fullmatch(name) is None or not folder.is_dir():
        raise Reject(CODE, f"there is no template {name[:_NAME_CHARS]!r}")
    files = (each.name for each in folder.iterdir())
    chosen = best_locale(locale, [each.removesuffix(ENDING) for each in files if each.endswith(ENDING)])
    if chosen is None:
        raise Reject(CODE, f"template {name} has no text for the locale, nor for {DEFAULT}")
    template = Template((folder / f"{chosen}{ENDING}").read_text(encoding="utf-8"))
    if not template.is_valid():
        raise Reject(CODE, f"{name}/{chosen}{ENDING} has a $ that names nothing; write $$ for one.")
    return template
