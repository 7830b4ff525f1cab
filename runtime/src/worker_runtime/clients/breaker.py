"""Keeps calls away from a service that fails again and again; the HTTP and Redis clients ask it first.

The library is imported with the first call, never by importing this module.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from worker_runtime import clock
from worker_runtime.clients.not_called import NotCalled
from worker_runtime.errors import Halt, Reject, Skip, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

ANSWERED: Final = (Reject, Halt, Skip)
"""Verdicts that no service is to blame for: it answered, or was never reached for want of something."""

WHILE_TRIED_S: Final = 1.0  # until it is known what came of a trial

log = logging.getLogger(__name__)


class Breaker(Protocol):
    """What the clients ask of a circuit breaker; who has none pays nothing."""

    def calling(self) -> AbstractContextManager[object]:
        """Let one call through, or raise CircuitOpen; what the block raises is a failure."""


class CircuitOpen(NotCalled):
    """The service failed too often: no call is made for ``after_s`` seconds more."""


def circuit_breaker(name: str, *, failures: int = 10, recovery_s: float = 15.0) -> CircuitBreaker:
    """Return a breaker that opens after so many failures in a row and, after ``recovery_s``, tries again."""
    return CircuitBreaker(name, failures=failures, recovery_s=recovery_s)


class CircuitBreaker:
    """Guards one service, named in errors and logs; may be shared by threads.

    A failure is whatever leaves the block (time-outs, broken connections, what a client raises for
    5xx, Retry, Defer) but Reject, Halt and Skip; NotCalled says nothing of it. While it is open only
    a trial decides: one call after ``recovery_s``, during which the others are still refused.
    """

    def __init__(self, name: str, *, failures: int, recovery_s: float) -> None:
        if failures < 1:
            raise ValueError(f"the breaker of {name} would never be closed; say failures=1 or more.")
        self.name = name
        self._failures = failures
        self._recovery_s = recovery_s
        self._lock = threading.Lock()  # never held during a call
        self._circuit: Any = None
        self._is_tried = False

    @property
    def is_open(self) -> bool:
        """Whether a call would be refused now."""
        with self._lock:
            return self._refuses()

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Let one call through; while open raise CircuitOpen, a Retry after what is left of it."""
        is_trial = self._admit()
        try:
            yield
        except BaseException as error:
            self._settle(error, is_trial=is_trial)
            raise
        self._settle(None, is_trial=is_trial)

    def _admit(self) -> bool:
        """Refuse the call, or let it through and say whether it is a trial."""
        with self._lock:
            if self._refuses():
                left_s = self._circuit.open_remaining
                after_s = left_s if left_s > 0 else WHILE_TRIED_S
                why = f"{self.name} failed too often: it is not called for a while."
                raise CircuitOpen(after_s, reason=why)
            if self._circuit is None:
                self._circuit = _circuit(self.name, failures=self._failures, recovery_s=self._recovery_s)
            self._is_tried = not self._circuit.closed
            return self._is_tried

    def _refuses(self) -> bool:
        return self._circuit is not None and (self._circuit.opened or self._is_tried)

    def _settle(self, error: BaseException | None, *, is_trial: bool) -> None:
        """Let the circuit know how a call ended, unless it opened in between."""
        with self._lock:
            circuit, was_closed = self._circuit, self._circuit.closed
            if is_trial:
                self._is_tried = False
            if not was_closed and not is_trial:
                return  # a straggler's end is old news
            if _tells(error):
                circuit.__exit__(error and type(error), error, None)
            is_closed = circuit.closed
        if was_closed and not is_closed and error is not None:
            why = text_of(error) or type(error).__name__
            log.warning(
                "%s failed %d times in a row and is not called for %g s: %s",
                *(self.name, self._failures, self._recovery_s, why),
            )
        if is_closed and not was_closed:
            log.info("%s answers again", self.name)


def _circuit(name: str, *, failures: int, recovery_s: float) -> Any:
    """Make the library's circuit, whose own time is the machine's, tell the time by the workers' clock."""
    import circuitbreaker  # type: ignore[import-untyped] # noqa: PLC0415 - it ships no types; with the first use

    class Circuit(circuitbreaker.CircuitBreaker):  # type: ignore[misc] # the same
        ended_at = 0.0  # the last call that counted

        @property
        def open_remaining(self) -> float:
            return self.ended_at + recovery_s - clock.now()

        def __exit__(self, *raised: object) -> bool:
            self.ended_at = clock.now()
            return bool(super().__exit__(*raised))

    return Circuit(failure_threshold=failures, expected_exception=_is_failure, name=name)


def _tells(error: BaseException | None) -> bool:
    """Say whether a call's end tells of the service: the process's end does not, nor a call not made."""
    return error is None or (isinstance(error, Exception) and not isinstance(error, NotCalled))


def _is_failure(_: type[BaseException], error: BaseException) -> bool:
    return not isinstance(error, ANSWERED)
