"""A route of an API, ``POST /things/{id}``: matched here where no gateway did it."""

from __future__ import annotations

from msgspec import Struct


class HttpRoute(Struct, frozen=True):
    """A method, or ANY, and a path whose ``{name}`` segments are parameters.

    Paths that it is asked about are ``escaped`` where a function URL hands them over.
    """

    method: str
    path: str
    escaped: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def takes(self, method: str) -> bool:
        """Whether it answers the method."""
        return self.method in ("ANY", method)

    def parameters(self, path: str) -> dict[str, str] | None:
        """Return the parameters, decoded, of a path that it answers, else None."""
        wanted, given = _segments(self.path), _segments(path)
        if wanted and wanted[-1].endswith("+}") and len(given) >= len(wanted):  # it takes all that is left
            head = len(wanted) - 1
            given = [*given[:head], "/".join(given[head:])]
        if len(wanted) != len(given):
            return None
        found = {}
        for name, value in zip(wanted, given, strict=True):
            if name.startswith("{") and value:
                found[name.strip("{+}")] = _decoded(value) if self.escaped else value
            elif name != value:
                return None
        return found


def parsed_route(text: str, *, escaped: bool = False) -> HttpRoute:
    """Read ``POST /things/{id}``; what no API could have is refused when it is declared."""
    method, _, path = str(text).partition(" ")
    return HttpRoute(method, path, escaped)


def _decoded(text: str) -> str:
    """Undo the escapes of a path, as API Gateway does for the parameters that it finds."""
    if "%" not in text:
        return text
    from urllib.parse import unquote  # noqa: PLC0415 - few paths have any, and a cold start pays

    return unquote(text)


def _segments(path: str) -> list[str]:
    return path.rstrip("/").split("/")[1:]
