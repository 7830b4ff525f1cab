"""A request to an API as it was sent, before anybody makes an event of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

from worker_runtime.local.stage.parts.ports import LOOPBACK

if TYPE_CHECKING:
    from worker_runtime.local.stage.parts.http_server import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """What an API is asked, once; ``at`` is epoch seconds of the stage."""

    method: str
    raw_path: str
    raw_query: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    at: float = 0.0
    request_id: str = "request"
    source_ip: str = LOOPBACK

    @property
    def path(self) -> str:
        """The path, its escapes undone."""
        return unquote(self.raw_path)

    @property
    def query(self) -> dict[str, list[str]]:
        """All values of each query parameter."""
        return parse_qs(self.raw_query, keep_blank_values=True)

    @property
    def media_type(self) -> str:
        """What the body is said to be, without parameters, in lower case."""
        return media_type(self.header("content-type"))

    def header(self, name: str) -> str:
        """Return the last line of a header, whatever its case; empty where there is none."""
        return next((value for key, value in reversed(self.lines) if key.lower() == name.lower()), "")


def call_of(request: Request, *, at: float, request_id: str) -> HttpCall:
    """Take what came over the wire, with the headers that API Gateway puts beside the caller's."""
    path, _, query = request.target.partition("?")
    _, _, port = request.headers.get("host", "").partition(":")
    added = {
        "X-Forwarded-For": LOOPBACK,
        "X-Forwarded-Port": port or "80",
        "X-Forwarded-Proto": "http",
        "X-Amzn-Trace-Id": f"Root=1-{int(at):08x}-{request_id.replace('-', '')[:24]}",
    }
    if "x-amzn-trace-id" in request.headers:
        del added["X-Amzn-Trace-Id"]  # the caller's trace goes on
    own = {name.lower() for name in added}
    sent = [line for line in request.lines if line[0].lower() not in own]
    return HttpCall(
        method=request.method,
        raw_path=path or "/",
        raw_query=query,
        lines=(*sent, *added.items()),
        body=request.body,
        at=at,
        request_id=request_id,
    )


def media_type(text: str) -> str:
    """Return a media type without its parameters, in lower case."""
    return text.partition(";")[0].strip().lower()
