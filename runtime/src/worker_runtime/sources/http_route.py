"""A route of an API, ``POST /things/{id}``: checked when it is declared, matched where no gateway did."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from worker_runtime.errors import DeclarationError

METHODS: Final = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_SEGMENT: Final = re.compile(r"\{[\w.:-]+\}|[\w.~:@!$&'()*,;=%-]+", re.ASCII)
_GREEDY: Final = re.compile(r"\{[\w.:-]+\+\}", re.ASCII)  # {proxy+}: the last one may take all that is left


class HttpRoute(Struct, frozen=True):
    """A method, or ANY, and a path whose ``{name}`` segments are parameters."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def takes(self, method: str) -> bool:
        """Whether it answers the method."""
        return self.method in ("ANY", method)

    def parameters(self, path: str) -> dict[str, str] | None:
        """Return the parameters of a path that it answers, else None."""
        wanted, given = _segments(self.path), _segments(path)
        if wanted and _GREEDY.fullmatch(wanted[-1]) and len(given) >= len(wanted):
            head = len(wanted) - 1
            given = [*given[:head], "/".join(given[head:])]
        if len(wanted) != len(given):
            return None
        found = {}
        for name, value in zip(wanted, given, strict=True):
            if name.startswith("{") and value:
                found[name.strip("{+}")] = value
            elif name != value:
                return None
        return found


def parsed_route(text: str) -> HttpRoute:
    """Read ``POST /things/{id}``; what no API could have is left for ``check_route`` to refuse."""
    method, _, path = str(text).partition(" ")
    return HttpRoute(method, path)


def check_route(who: str, text: object) -> None:
    """Refuse a route that no API could have."""
    route = parsed_route(text) if isinstance(text, str) else HttpRoute("", "")
    *inner, last = route.path.split("/")[1:] if route.path.startswith("/") else ("?",)
    allowed = all(map(_SEGMENT.fullmatch, inner)) and (
        not (last or inner) or _SEGMENT.fullmatch(last) or _GREEDY.fullmatch(last)
    )
    if route.method not in METHODS or not allowed:
        raise DeclarationError(
            f"{who} route is {text!r}; say a method (one of {', '.join(METHODS)}) and a path,"
            " as 'POST /things/{id}'."
        )


def _segments(path: str) -> list[str]:
    return path.rstrip("/").split("/")[1:]
