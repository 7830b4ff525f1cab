"""Bitly's API v4: links that it makes, and what its refusals mean."""

from __future__ import annotations

from http import HTTPStatus
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from worker_runtime import Defer, Halt, Reject
from worker_runtime.clients.http_verdicts import retry_after_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from httpx import Response

    from worker_runtime.clients.http import HttpService

CONNECTIONS: Final = 5  # at once from one address, dev.bitly.com "Rate limits"
LEFT_ALONE_S: Final = 60.0  # after a 429 that does not say how long
MONTH_IS_SPENT: Final = "MONTHLY_LIMIT_EXCEEDED"  # how Bitly's names of plan limits end
NEVER: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


class Bitlink(Struct, frozen=True):
    """Bitly's answer, as far as it matters."""

    link: str


class Refusal(Struct, frozen=True):
    """Bitly's body of an error; ``message`` is a name in upper case."""

    message: str = ""


class Bitly:
    """Serves ``Links``: one call a link, no cache, no limit but that of connections."""

    def __init__(self, http: HttpService, *, token: Callable[[], str], domain: str, group_guid: str) -> None:
        self._http = http
        self._token = token
        self._into = {"domain": domain, "group_guid": group_guid}  # else Bitly takes its user's defaults
        self._connections = BoundedSemaphore(CONNECTIONS)

    def shorten(self, url: str) -> str:
        """Return Bitly's link of a URL.

        A 429 is a Defer, a spent month a Halt, 400 and 422 Reject ``REFUSED_BY_BITLY``; the rest is
        as for any service: 5xx a Retry, 401 and 403 a Halt.
        """
        headers = {"Authorization": f"Bearer {self._token()}"}
        with self._connections:
            response = self._http.post("/v4/shorten", json={"long_url": url, **self._into}, headers=headers)
        if response.is_client_error:
            _raise_refusal(response)
        self._http.check(response)
        return msgspec.json.decode(response.content, type=Bitlink).link


def _raise_refusal(response: Response) -> None:
    """Raise what only Bitly means by a refusal."""
    why = _message(response)
    if why.endswith(MONTH_IS_SPENT):
        raise Halt(f"bitly: {why}; raise the plan's limit, or wait for the next month.")
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        asked_s = retry_after_s(response)
        raise Defer(LEFT_ALONE_S if asked_s is None else asked_s, reason=f"bitly: {why or 'throttled'}")
    if response.status_code in NEVER:
        raise Reject("REFUSED_BY_BITLY", why)


def _message(response: Response) -> str:
    try:
        return msgspec.json.decode(response.content, type=Refusal).message
    except msgspec.MsgspecError:
        return ""  # a proxy's page, or nothing
