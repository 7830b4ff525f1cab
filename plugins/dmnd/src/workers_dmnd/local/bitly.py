"""Bitly on loopback: API v4's shorten, with its access token, its limits and its refusals."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker_runtime.local.stage.parts.http_server import Request, Response
from worker_runtime.local.stage.parts.routes import Routes
from worker_runtime.local.stage.parts.stand_in import StandIn

if TYPE_CHECKING:
    from worker_runtime.clock import Clock

TOKEN: Final = "made-up-token"  # noqa: S105 - opens nothing but this stand-in
PATH: Final = "/v4/shorten"
PER_MINUTE: Final = 100
MINUTE_S: Final = 60
MONTH_IS_SPENT: Final = "BRANDED_LINK_MONTHLY_LIMIT_EXCEEDED"

REFUSALS: Final = {
    400: ("INVALID_ARG_LONG_URL", "The value provided is invalid."),
    403: ("FORBIDDEN", "You are currently forbidden to access this resource."),
    417: ("EXPECTATION_FAILED", "You must agree to the latest terms of service."),
    422: ("UNPROCESSABLE_ENTITY", "The JSON value provided is invalid."),
    429: ("RATE_LIMIT_EXCEEDED", "You have exceeded your rate limit for this resource."),
    500: ("INTERNAL_ERROR", "An internal error has occurred."),
    503: ("TEMPORARILY_UNAVAILABLE", "The service is temporarily unavailable."),
}
"""What Bitly says with each status: ``message`` and ``description``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bitlink:
    """A link that was made."""

    long_url: str
    domain: str
    group_guid: str
    created_at: str

    @property
    def link(self) -> str:
        """The short link."""
        return link_for(self.long_url, domain=self.domain)


def link_for(long_url: str, *, domain: str = "bit.ly") -> str:
    """Return the link that a long URL gets, whenever it is asked for."""
    return f"https://{domain}/{sha256(long_url.encode()).hexdigest()[:10]}"


class BitlyStandIn(StandIn):
    """Makes one link for each long URL, domain and group, however often it is asked."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 0,
        per_minute: int = PER_MINUTE,
        per_month: int | None = None,
    ) -> None:
        """Prepare; ``per_minute`` limits requests on ``clock``, ``per_month`` new links."""
        super().__init__(clock=clock, seed=seed)
        self.per_minute = per_minute
        self.per_month = per_month
        self._made: dict[tuple[str, str, str], Bitlink] = {}
        self._minute = (0, 0)  # which one, how many requests in it
        self._state = threading.Lock()
        self._routes = Routes({f"POST {PATH}": self._shorten})

    @property
    def links(self) -> tuple[Bitlink, ...]:
        """The distinct links made so far, oldest first; ``count`` tells the requests."""
        with self._state:
            return tuple(self._made.values())

    def recall(self) -> None:
        """Read the links that were made."""
        for _, value in self.memory.read("link"):
            made = msgspec.json.decode(value, type=Bitlink)
            self._made[made.domain, made.group_guid, made.long_url] = made

    def handle(self, request: Request) -> Response:
        """Answer as Bitly does."""
        return self._routes(request)

    def refuse_next(
        self, n: int = 1, *, status: int, message: str | None = None, retry_after_s: int | None = None
    ) -> None:
        """Let the next ``n`` requests be refused in Bitly's words."""
        refusal = refused(status, message, retry_after_s=retry_after_s)
        self.fail_next(n, status=status, headers=refusal.headers, body=refusal.body)

    def _shorten(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return refused(403)
        try:
            asked = request.json()
        except ValueError:
            return refused(422)
        with self._state:
            if (wait_s := self._throttled()) is not None:
                return refused(429, retry_after_s=wait_s)
            return self._link(asked)

    def _throttled(self) -> int | None:
        """Count a request; past the limit return the seconds until the next minute."""
        now = self.clock.now()
        minute, requests = self._minute
        requests = requests + 1 if minute == now // MINUTE_S else 1
        self._minute = (int(now // MINUTE_S), requests)
        return None if requests <= self.per_minute else ceil(MINUTE_S - now % MINUTE_S)

    def _link(self, asked: Any) -> Response:
        match asked:
            case {"long_url": str(long_url)} if long_url.startswith(("https://", "http://")):
                domain, group_guid = asked.get("domain", "bit.ly"), asked.get("group_guid", "default")
            case _:
                return refused(400, errors=[{"field": "long_url", "error_code": "invalid"}])
        known = self._made.get((domain, group_guid, long_url))
        if known is not None:
            return Response.json(_body(known), status=200)
        if self.per_month is not None and len(self._made) >= self.per_month:
            return refused(429, MONTH_IS_SPENT)
        created_at = datetime.fromtimestamp(self.clock.now(), tz=UTC).strftime("%Y-%m-%dT%H:%M:%S%z")
        made = Bitlink(long_url=long_url, domain=domain, group_guid=group_guid, created_at=created_at)
        key = msgspec.json.encode([domain, group_guid, long_url]).decode()
        self.memory.put("link", key, msgspec.json.encode(made))
        self._made[domain, group_guid, long_url] = made
        return Response.json(_body(made), status=201)


def refused(
    status: int,
    message: str | None = None,
    *,
    errors: list[dict[str, str]] | None = None,
    retry_after_s: int | None = None,
) -> Response:
    """Word a refusal; ``message`` stands in for the status's usual one."""
    usual, description = REFUSALS[status]
    body: dict[str, Any] = {
        "message": message or usual,
        "description": description,
        "resource": "bitlinks",
        **({"errors": errors} if errors else {}),
    }
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return Response.json(body, status=status, headers=headers)


def _body(made: Bitlink) -> dict[str, Any]:
    return {
        "id": made.link.removeprefix("https://"),
        "link": made.link,
        "long_url": made.long_url,
        "created_at": made.created_at,
        "archived": False,
        "tags": [],
        "custom_bitlinks": [],
        "deeplinks": [],
        "references": {"group": f"https://api-ssl.bitly.com/v4/groups/{made.group_guid}"},
    }
