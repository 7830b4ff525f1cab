"""What a caller who waits is told of a failure: one table, which each form of an answer words.

A caller reads a code, whether to ask again, and what was meant for them; never an error's own text, which
names hosts, tables and people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from msgspec import MsgspecError, Struct
from msgspec.structs import replace

from worker_runtime.errors import Reject, Retry, ServiceRefused, Verdict, text_of
from worker_runtime.outcomes import Deferred, Done, Failed, Outcome, Rejected, Skipped
from worker_runtime.redaction import redact_text

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["NotFound", "Unauthorized", "BadRequest", "UpstreamUnavailable", "Internal"]

DETAIL_CHARS: Final = 300
AFTER_MAX_S: Final = 86_400.0  # whatever number a worker asked for
_BY_END: Final[Mapping[str, Kind]] = {
    "NOT_FOUND": "NotFound",
    "UNAUTHORIZED": "Unauthorized",
    "FORBIDDEN": "Unauthorized",
    "UPSTREAM_UNAVAILABLE": "UpstreamUnavailable",
    "INTERNAL": "Internal",
}
"""How the code of a Reject ends; any other is a BadRequest."""
_STATUSES: Final[Mapping[Kind, int]] = {"UpstreamUnavailable": 502, "Internal": 500}
"""HTTP's word for a Reject; 400 for those that are the caller's."""


class Told(Struct, frozen=True):
    """A failure in words for its caller, who may ask again ``after_s`` seconds later where it says so."""

    kind: Kind
    code: str
    status: int
    detail: str = ""
    retryable: bool = False
    after_s: float | None = None


class Refused(Reject):
    """A request that the runtime refuses before any worker sees it, in words for its caller."""

    def __init__(self, code: str, detail: str, *, status: int) -> None:
        super().__init__(code, detail, tell=detail)
        self.status = status


INTERNAL: Final = Told("Internal", "INTERNAL", 500)
_REFUSED_BELOW: Final = Told("Internal", "UPSTREAM_REFUSED", 502)
_BROKEN: Final = Told("Internal", "TRY_AGAIN", 503, retryable=True)
_BUSY: Final = Told("UpstreamUnavailable", "TRY_AGAIN", 503, retryable=True)


def told_of(outcome: Outcome) -> Told | None:
    """Say what the caller is told of an outcome; None where nothing failed."""
    match outcome:
        case Done() | Skipped():
            return None
        case Rejected(error=ServiceRefused()):  # what we asked of a service is no mistake of the caller's
            return _REFUSED_BELOW
        case Rejected(code=code, error=error):
            kind = kind_of(code)
            status = error.status if isinstance(error, Refused) else _STATUSES.get(kind, 400)
            return Told(kind, code, status, redact_text(_meant_for_callers(error))[:DETAIL_CHARS])
        case Failed(halted=True):
            return INTERNAL
        case Failed(error=error) if not isinstance(error, Retry):  # a bug, or a service without verdicts
            return _BROKEN
        case _:
            after_s = outcome.after_s if isinstance(outcome, Failed | Deferred) else None
            return _BUSY if after_s is None else replace(_BUSY, after_s=min(max(0.0, after_s), AFTER_MAX_S))


def kind_of(code: str) -> Kind:
    """Map the code of a Reject to the kind that callers match on."""
    return next((kind for end, kind in _BY_END.items() if code.endswith(end)), "BadRequest")


def _meant_for_callers(error: BaseException) -> str:
    """Return what a Reject tells, or where a request is none of the worker's type."""
    if isinstance(error, Verdict):
        return error.tell if isinstance(error, Reject) else ""
    if isinstance(error, MsgspecError):
        return text_of(error)
    if type(error).__module__.startswith("pydantic_core"):  # which only its users import
        wrong = error.errors(include_url=False, include_input=False)  # type: ignore[attr-defined]  # as above
        return "; ".join(f"{each['msg']} - at `{'.'.join(map(str, each['loc']))}`" for each in wrong)
    return ""
