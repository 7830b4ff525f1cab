"""A route of an API, ``POST /things/{id}``: matched here where no gateway did it."""

from __future__ import annotations

from msgspec import Struct


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
        if wanted and wanted[-1].endswith("+}") and len(given) >= len(wanted):  # it takes all that is left
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
    """Read ``POST /things/{id}``; what no API could have is refused when it is declared."""
    method, _, path = str(text).partition(" ")
    return HttpRoute(method, path)


def _segments(path: str) -> list[str]:
    return path.rstrip("/").split("/")[1:]
