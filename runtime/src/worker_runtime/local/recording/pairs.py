"""Names and values inside of a text that is no JSON: query strings, forms, arguments of GraphQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_plus, unquote_plus

from worker_runtime.redaction import personal, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NAME: Final = re.compile(
    r"(?<![\w.%\[\]$+-])(?P<name>[\w.%\[\]$+-]++)(?:=|(?P<said>\\{0,15}\"?\s*+:\s*+(?=\\{0,15}[\"\d\[{])))"
)
"""Possessive, and from a word's begin only: a text is gone through once, however it is made up."""

_VALUE: Final = re.compile(r"[^&;#\s\"<>]*+")
_FORM_VALUE: Final = re.compile(r"[^&\r\n]*+")  # who writes forms by hand leaves blanks in them
_ENCODED: Final = re.compile(r"[^&;#\s\"<>=?]*+")
_SAID: Final = re.compile(
    r"(?P<quote>\\{0,15}\")(?P<text>(?s:.*?))(?:(?<!\\)(?P=quote)|\Z)|\d{5,}+|\[[^\]]*+\]?|\{[^}]*+\}?"
)
"""A literal, also one in a text that stands inside of others, with a backslash or more before its quotes.
Few digits are none: ``put off to: 2026-01-01``."""

_UNQUOTED: Final = "[]*@"  # what stands in place of a value can be read


def mask_pairs(text: str, inside: Callable[[str], str]) -> str:
    """Hide the values of personal names; ``inside`` masks what is percent-encoded under other names."""
    if "=" in text or ": " in text or '"' in text or "{" in text:  # ids, ARNs and times have none of them
        return "".join(_pieces(text, inside))
    return text


def _pieces(text: str, inside: Callable[[str], str]) -> Iterator[str]:
    first = _NAME.match(text)
    form = first is not None and not first["said"]
    at = 0
    while found := _NAME.search(text, at):
        hidden, begin = personal(_plain_name(found["name"])), found.end()
        if found["said"]:
            said = _SAID.match(text, begin) if hidden else None
            end = begin if said is None else said.end()
            shown = "" if said is None else _hidden_literal(said)
        elif hidden:
            end = _end(_FORM_VALUE if form else _VALUE, text, begin)
            shown = _masked(text[begin:end], _hidden)
        else:
            end = _end(_ENCODED, text, begin)
            value = text[begin:end]
            shown = _masked(value, inside) if "%" in value or "+" in value else value
        yield text[at:begin]
        yield shown
        at = end
    yield text[at:]


def _end(pattern: re.Pattern[str], text: str, begin: int) -> int:
    found = pattern.match(text, begin)
    return begin if found is None else found.end()


def _plain_name(name: str) -> str:
    """Read ``user%5Bphone%5D`` and ``phones[]`` as what they name."""
    return unquote_plus(name).rstrip("[]").rpartition("[")[2]


def _masked(value: str, mask: Callable[[str], str]) -> str:
    """Open a value, mask it and close it again."""
    opened = unquote_plus(value)
    shown = mask(opened)
    return value if shown == opened else quote_plus(shown, safe=_UNQUOTED)


def _hidden(value: str) -> str:
    return str(redact(value, key="secret"))


def _hidden_literal(said: re.Match[str]) -> str:
    """Keep a number a number; all else becomes a text."""
    if said[0][0].isdecimal():
        return "0"
    quote = said["quote"] or '"'
    return f"{quote}{_hidden(said[0] if said['text'] is None else said['text'])}{quote}"
