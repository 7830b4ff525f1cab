"""What stands beside a request's body: its headers, query and cookies, each found by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER_NAME: Final = re.compile(r"[\w.!#$%&'*+^`|~-]+", re.ASCII)  # RFC 9110: a token


class Headers(Mapping[str, str]):
    """Headers by name, whatever its case; those of several lines are one, joined by commas (RFC 9110)."""

    __slots__ = ("_lines",)

    def __init__(self, lines: Mapping[str, Any]) -> None:
        self._lines: dict[str, str] = {}
        for name, given in lines.items():
            key = name.lower()
            values = texts(given)
            if key in self._lines:
                values = (self._lines[key], *values)
            if values:
                self._lines[key] = ",".join(values)

    def __getitem__(self, name: str) -> str:
        """Return the header's value."""
        return self._lines[name.lower()]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in lower case."""
        return iter(self._lines)

    def __len__(self) -> int:
        """Count the names."""
        return len(self._lines)


class Query(Mapping[str, str]):
    """Query parameters by name; of one that is there several times the first value, ``all`` has them."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        listed = {name: texts(given) for name, given in values.items()}
        self._values = {name: each for name, each in listed.items() if each}

    def __getitem__(self, name: str) -> str:
        """Return the parameter's first value."""
        return self._values[name][0]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._values)

    def __len__(self) -> int:
        """Count the names."""
        return len(self._values)

    def all(self, name: str) -> tuple[str, ...]:
        """Return all values of a parameter, none where it is not there."""
        return self._values.get(name, ())


def is_header(name: object, line: object) -> bool:
    """Whether this is a header that reaches its reader as one: a token, and a line of ASCII."""
    return isinstance(name, str) and HEADER_NAME.fullmatch(name) is not None and is_line(line)


def is_line(text: object) -> bool:
    """Whether this is a text without line breaks that all readers of headers read alike."""
    return isinstance(text, str) and text.isascii() and text.isprintable()


def texts(given: Any) -> tuple[str, ...]:
    """Return the texts among a value or a list of them."""
    if isinstance(given, str):
        return (given,)
    return tuple(each for each in given if isinstance(each, str)) if isinstance(given, list | tuple) else ()


def parsed_query(text: str) -> Query:
    """Read a raw query string; ``+`` is a space, and a parameter without a value is empty."""
    from urllib.parse import parse_qs  # noqa: PLC0415 - few requests carry one, and a cold start pays

    return Query(parse_qs(text, keep_blank_values=True)) if text else Query({})


def cookies_of(lines: tuple[str, ...]) -> dict[str, str]:
    """Read ``name=value`` cookies, of a ``Cookie`` header or one by one; the first of a name counts."""
    found: dict[str, str] = {}
    for line in lines:
        for pair in line.split(";"):
            name, _, value = pair.strip().partition("=")
            if name:
                found.setdefault(name.strip(), value.strip())
    return found
