"""Work of one key is done once: what comes again gets the first one's result.

Declared on a worker, ``@worker(..., idempotency=Idempotency("detail.id", table="idempotency"))``, and
run around each of its records, inside all other middleware. Only what is done is kept. A Skip or a
Reject had no effect that has to be protected, and a dead letter that is sent back must be tried anew;
a Retry must find the way free.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec import Struct

from worker_runtime.errors import DeclarationError, Retry, text_of
from worker_runtime.grants import Grant, cache
from worker_runtime.invocation import current_source, set_record
from worker_runtime.middleware import Middleware
from worker_runtime.middleware.stored_results import reader, stored
from worker_runtime.outcomes import DONE, Done, Failed, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker_runtime.middleware import Attempt
    from worker_runtime.outcomes import Outcome
    from worker_runtime.records import Record

KEY_PREFIX: Final = "IDEM#"
"""How the hash key of an item begins, behind it the worker's id; grants are narrowed to it."""
EXPIRES_MAX_S: Final = 366 * 86_400

_log = logging.getLogger(__name__)


class Idempotency(Struct, frozen=True):
    """What is done once, and where that is kept: in a table, or in a Redis (logical names).

    ``key`` is a JMESPath expression on the record as AWS sent it, with Powertools' functions:
    ``detail.id`` of an EventBridge event, ``powertools_json(body).orderId`` of a message. A record
    without it, or without one of the parts of ``[a, b]``, is a Reject; a caller whom an API knows is a
    part of it. A result is kept for ``expires_s``, at least the worker's time-out. ``unchanged`` is such
    an expression too: the same key with another value there is a Reject. ``key_names`` are the table's
    key attributes; it expires items by ``ttl``.
    """

    key: str
    table: str | None = None
    redis: str | None = None
    expires_s: int = 3_600
    unchanged: str | None = None
    key_names: tuple[str, ...] = ("PK", "SK")

    def check(self, worker: str, *, timeout_s: int) -> None:
        """Refuse what could not be kept, or not for as long as the work takes: who, what and the cure."""
        who = f"{worker}: Idempotency({self.key!r})"
        if (self.table is None) == (self.redis is None):
            raise DeclarationError(f'{who} is kept in one place; say table="..." or redis="...".')
        if type(self.expires_s) is not int or not 1 <= self.expires_s <= EXPIRES_MAX_S:
            raise DeclarationError(f"{who} expires_s is {self.expires_s!r}; say seconds, a year at most.")
        if self.expires_s < timeout_s:
            raise DeclarationError(  # an entry that expires while its work goes on has it done twice
                f"{who} expires_s is {self.expires_s}, less than timeout_s, {timeout_s}; say more."
            )
        if len(self.key_names) not in (1, 2) or not all(self.key_names):
            raise DeclarationError(f'{who} key_names is {self.key_names!r}; say ("id",) or ("PK", "SK").')
        if self.unchanged is not None and self.redis is not None:
            raise DeclarationError(  # Powertools 3.37 forgets the hash of what is unchanged when work is done
                f"{who} unchanged cannot be kept in Redis; keep it in a table, or leave it out."
            )

    def check_expressions(self, worker: str) -> None:
        """Refuse what is no JMESPath; in Lambda there is no need to look again."""
        who = f"{worker}: Idempotency({self.key!r})"
        for expression in (self.key, *(() if self.unchanged is None else (self.unchanged,))):
            _check_expression(who, expression)

    def grants(self) -> tuple[Grant, ...]:
        """Read and write single items of the table, under keys of its own; or reach the Redis."""
        if self.table is None:
            return (cache(str(self.redis)),)
        actions = ("GetItem", "PutItem", "UpdateItem", "DeleteItem")
        return (
            Grant("table", self.table, tuple(f"dynamodb:{each}" for each in actions), (f"{KEY_PREFIX}*",)),
        )


class Claim(Struct, frozen=True):
    """The right to do the work of a key, until the invocation's time is over."""

    data: Mapping[str, Any]


class Finished(Struct, frozen=True):
    """The work of a key is done; its result as JSON."""

    result: str


class Busy(Struct, frozen=True):
    """Somebody else does the work of a key, for so many seconds at most."""

    left_s: float | None


class Ledger(Protocol):
    """Keeps who does the work of which key, and what came of it. It raises verdicts."""

    def begin(self, record: Mapping[str, Any], *, caller: str | None = None) -> Claim | Finished | Busy:
        """Claim the work of a raw record's key for its caller, or say what has become of it."""

    def finish(self, claim: Claim, result: Any) -> None:
        """Keep the result (plain data) of work that is done."""

    def release(self, claim: Claim) -> None:
        """Give the work back: whoever comes next does it."""


def once(ledger: Ledger, *, returns: Any, answering: frozenset[str]) -> Middleware:
    """Return the middleware that does a key's work once.

    ``returns`` is what the worker returns; ``answering`` are the kinds of its sources that tell somebody.
    """
    read = reader(returns)

    def around_record(call_next: Attempt) -> Attempt:
        def attempt(record: Record[Any]) -> Outcome:
            set_record(record)
            try:
                entry = ledger.begin(record.raw, caller=record.caller)
                if isinstance(entry, Finished):
                    return _replayed(read, entry, told=current_source() in answering)
            except Exception as error:  # noqa: BLE001 - where nothing is known of a record, nothing is done
                return outcome_of(error)
            if isinstance(entry, Busy):
                reason = "its work is in progress elsewhere"
                return Failed(Retry(entry.left_s, reason=reason), entry.left_s)
            outcome = call_next(record)
            _settle(ledger, entry, outcome)
            return outcome

        return attempt

    return Middleware("idempotency", around_record=around_record)


def _replayed(read: Callable[[str], Any], entry: Finished, *, told: bool) -> Outcome:
    """Give a result again; where nobody hears it, work that is done stays done whatever was kept of it.

    A result cannot be read again where the worker returned another type when it was kept.
    """
    try:
        value = read(entry.result)
    except Exception as error:
        if told:
            raise Retry(reason=f"the result that was kept cannot be read: {text_of(error)}") from error
        _log.info("done before; the result that was kept cannot be read, and nobody waits for it")
        return DONE
    _log.info("done before; its result is given again")
    return DONE if value is None else Done(value)


def _settle(ledger: Ledger, claim: Claim, outcome: Outcome) -> None:
    """Keep a result, or give the work back.

    Where that fails the outcome stands: to deliver done work again would repeat it for sure, and a
    claim that is not given back ends with the invocation's time.
    """
    try:
        if isinstance(outcome, Done):
            ledger.finish(claim, stored(outcome.value))
        else:
            ledger.release(claim)
    except Exception as error:  # noqa: BLE001 - as above
        _log.warning("what became of its work was not kept: %s: %s", type(error).__name__, text_of(error))


def _check_expression(who: str, expression: str) -> None:
    try:
        import jmespath  # type: ignore[import-untyped] # noqa: PLC0415 - it ships no types; only where it is declared, and not in Lambda
    except ImportError as error:
        raise DeclarationError(f"{who} needs worker-runtime[powertools]; install that extra.") from error
    try:
        jmespath.compile(expression)
    except (TypeError, ValueError, jmespath.exceptions.JMESPathError) as error:
        reason = " ".join(text_of(error).split())
        raise DeclarationError(f"{who}: {expression!r} is no JMESPath expression: {reason}") from error
