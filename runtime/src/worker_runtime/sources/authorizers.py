"""What the authorizers of API Gateway and AppSync have in common: nobody gets in by a slip, nor too late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker_runtime.errors import BatchFailed, DeclarationError, ServiceRefused
from worker_runtime.outcomes import Deferred, Failed, Rejected, Unstarted
from worker_runtime.sources import another_shape, check_range
from worker_runtime.sources.answering import AnsweringSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime.outcomes import Outcome
    from worker_runtime.records import Record
    from worker_runtime.sources import Shape

CACHE_S: Final = (0, 3_600)  # CreateAuthorizer, CreateGraphqlApi: authorizerResultTtlInSeconds
ANSWER_WITHIN_S: Final = 10  # quotas of HTTP APIs and AppSync: the answer of a Lambda authorizer
_SHAPES: Final[frozenset[Shape]] = frozenset(("each", "record"))


class Authorizer(AnsweringSource, frozen=True, kw_only=True, rename="camel"):
    """A source whose worker says whether a token holds, for ``cache_s`` seconds."""

    cache_s: int = 0

    @property
    def shapes(self) -> frozenset[Shape]:
        """A worker takes the question, or its record."""
        return _SHAPES

    def check_cache(self, who: str) -> None:
        """Refuse a time for which no answer is kept."""
        check_range(f"{who} cache_s", self.cache_s, *CACHE_S)

    def check_reply(self, reply: Any, *, worded: Any, records: Sequence[Record[Any]]) -> None:  # noqa: ARG002 - there is one
        """Refuse any other reply: nobody gets in by what middleware says."""
        if reply != worded:
            raise another_shape(reply, "the authorizer's")


def check_wait(who: str, timeout_s: float) -> None:
    """Refuse a time-out that the API would not wait for: what is found out too late lets nobody in."""
    if timeout_s > ANSWER_WITHIN_S:
        raise DeclarationError(
            f"{who}: timeout_s is {timeout_s:g}, the API waits {ANSWER_WITHIN_S} s for an authorizer;"
            f" say timeout_s={ANSWER_WITHIN_S}."
        )


def refuse_unknown(outcome: Outcome) -> None:
    """Raise where nobody could find out whose token it is: nobody gets in, and no answer is kept."""
    match outcome:
        case Failed(error=error) | Deferred(error=error) | Rejected(error=ServiceRefused() as error):
            raise error
        case Unstarted(reason=reason):
            raise BatchFailed(f"nobody could say whose token it is: {reason}; the API answers with an error")
