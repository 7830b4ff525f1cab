"""When a request is sent once more within the same invocation, and how long that waits."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

from worker_runtime import clock
from worker_runtime.clients.http_verdicts import retry_after_s
from worker_runtime.clients.time_left import LEAST_S

if TYPE_CHECKING:
    from httpx import Response
    from tenacity import RetryCallState, Retrying

UNAVAILABLE: Final = frozenset({429, 502, 503, 504})
PATIENCE_S: Final = 2.0  # a longer Retry-After is for the caller to decide on
FIRST_WAIT_S: Final = 0.1


def retrying(retries: int, *, reserve_s: float) -> Retrying:
    """Return what repeats a call on connection errors and passing statuses while time is left.

    The last answer or error is handed on as it is. stamina, which is built on tenacity, sleeps by
    the machine's clock only; hence its engine.
    """
    import tenacity  # noqa: PLC0415 - with the first request
    from httpx import ConnectError, ConnectTimeout  # noqa: PLC0415 - with the first request

    def is_over(state: RetryCallState) -> bool:
        return (
            state.attempt_number > retries or state.upcoming_sleep + LEAST_S > clock.remaining_s() - reserve_s
        )

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type((ConnectError, ConnectTimeout))
        | tenacity.retry_if_result(_is_passing),
        wait=_wait_s,
        stop=is_over,
        sleep=clock.sleep,
        retry_error_callback=_outcome,
    )


def _is_passing(response: Response) -> bool:
    return response.status_code in UNAVAILABLE and (retry_after_s(response) or 0) <= PATIENCE_S


def _wait_s(state: RetryCallState) -> float:
    """Return what Retry-After says, else full jitter under 0.1 s, doubled each time."""
    failed = state.outcome is None or state.outcome.failed
    asked_s = None if failed else retry_after_s(_outcome(state))
    return random.uniform(0, FIRST_WAIT_S * 2 ** (state.attempt_number - 1)) if asked_s is None else asked_s


def _outcome(state: RetryCallState) -> Any:
    """Return the last answer, or raise the last error."""
    return state.outcome and state.outcome.result()
