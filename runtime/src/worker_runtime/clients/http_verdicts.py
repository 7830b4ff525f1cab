"""What an HTTP answer, or its absence, means for the record at hand.

Texts name service, method, path and status; never the query (keys stand there) nor the body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker_runtime import clock
from worker_runtime.errors import Halt, Reject, Retry, ServiceRefused, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from httpx import HTTPError, Response

NOT_NOW: Final = frozenset({408, 425, 429})  # and every 5xx
NOT_ALLOWED: Final = frozenset({401, 403})


def check(response: Response, *, service: str, rejects: Mapping[int, str] | None = None) -> Response:
    """Return a 2xx response; raise the verdict that any other one means.

    ``rejects`` maps statuses to the codes of a Reject, which callers may be told, and wins over the
    table: 408, 425, 429 and 5xx are a Retry (after Retry-After), 401, 403 and redirects a Halt, other
    4xx ServiceRefused ``HTTP_nnn``.
    """
    if response.is_success:
        return response
    status = response.status_code
    what = f"{service}: {response.request.method} {response.request.url.path} answered {status}"
    if rejects and status in rejects:
        raise Reject(rejects[status], what)
    if status in NOT_NOW or response.is_server_error:
        raise Retry(retry_after_s(response), reason=what)
    if status in NOT_ALLOWED:
        raise Halt(f"{what}; check the service's credentials and what they are allowed.")
    if response.is_redirect:
        raise Halt(f"{what}; set the base URL to where the service is now.")
    raise ServiceRefused(f"HTTP_{status}", what)


def blamed(response: Response) -> str | None:
    """Return the status by which an answer is counted among the service's errors; None where it is none."""
    status = response.status_code
    return str(status) if response.is_server_error or status in NOT_NOW | NOT_ALLOWED else None


def retry_after_s(response: Response) -> float | None:
    """Return the seconds of Retry-After, given in seconds or as a date; None where it says nothing."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - loads sockets, which a cold start may not need

    text = response.headers.get("Retry-After", "")
    if text.isdecimal():
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - clock.now(), 0.0)
    except ValueError:
        return None


def verdict_of(error: HTTPError, *, what: str) -> Verdict:
    """Return what a failed exchange means: a Retry, or a Halt where the certificate is refused."""
    import ssl  # noqa: PLC0415 - httpx has loaded it by now

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Halt(f"{what}: the certificate is refused; renew it, or mend the base URL.")
        cause = cause.__cause__ or cause.__context__
    return Retry(reason=f"{what}: {type(error).__name__}")
