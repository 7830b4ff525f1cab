"""The SMS service: ``POST /v1/messages``, and what its refusals mean."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta, Struct

from worker_runtime import Defer, Reject, Retry
from worker_runtime.clients.not_called import NotCalled

if TYPE_CHECKING:
    from httpx import Response

    from worker_runtime.clients.breaker import CircuitBreaker
    from worker_runtime.clients.http import HttpService
    from workers_dmnd.models import Notification

OPTED_OUT: Final = "OPTED_OUT"

_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,63}")  # a name, and nothing personal


class Accepted(Struct, frozen=True, rename="camel"):
    """The service's answer, as far as it matters."""

    message_id: Annotated[str, Meta(min_length=1, max_length=256)]


class Refusal(Struct, frozen=True):
    """The service's body of an error, which names itself in one of these."""

    code: str = ""
    error: str = ""


class HttpSms:
    """Serves ``Sms``: one call a sending, repeated within the call where that helps.

    ``breaker`` is the one that ``http`` asks; it tells before a call whether there will be one.
    """

    def __init__(self, http: HttpService, *, breaker: CircuitBreaker) -> None:
        self._http = http
        self._breaker = breaker

    def is_reachable(self) -> bool:
        """Say whether it answers, as far as is known."""
        return not self._breaker.is_open

    def send(self, notification: Notification, *, client_message_id: str, body: str) -> str:
        """Have the text sent once for all calls with this id, and return the service's message id.

        429, 5xx and no (readable) answer are a Retry, a refused number and an opted-out fan a Reject
        of the service's code, who is not let in a Halt; where it is not called at all, a Defer.
        """
        wanted = {
            "clientMessageId": client_message_id,
            "to": notification.to,
            "body": body,
            "locale": notification.locale,
        }
        try:
            response = self._http.post("/v1/messages", json=wanted, idempotent=True)
        except NotCalled as never:
            raise Defer(never.after_s or 1, reason=str(never)) from never
        if response.is_client_error:
            _raise_refusal(response)
        return _message_id(self._http.check(response))


def _raise_refusal(response: Response) -> None:
    """Raise what only this service means by a refusal."""
    status, code = response.status_code, _code_of(response)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and code:
        raise Reject(code, "the SMS service refuses the message")
    if status == HTTPStatus.FORBIDDEN and code == OPTED_OUT:
        raise Reject(OPTED_OUT, "the fan takes no SMS")


def _code_of(response: Response) -> str | None:
    try:
        said = msgspec.json.decode(response.content, type=Refusal)
    except msgspec.MsgspecError:
        return None  # a proxy's page, or nothing
    return next((each for each in (said.code, said.error) if _CODE.fullmatch(each)), None)


def _message_id(response: Response) -> str:
    try:
        return msgspec.json.decode(response.content, type=Accepted).message_id
    except msgspec.MsgspecError as error:
        raise Retry(reason="sms: the answer names no messageId") from error
