"""Redis as a help, never a need: what it cannot answer comes back as a default, and is counted.

redis-py is imported on first use, never by importing this module.
"""

from __future__ import annotations

import logging
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final, TypeVar

from worker_runtime.clients.time_left import left_s
from worker_runtime.errors import Retry

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis import Redis as Connection

    from worker_runtime.clients.breaker import Breaker

T = TypeVar("T")

RETRIES: Final = 1  # heals a connection that a restart or a freeze of Lambda left dead
MISTAKES: Final = (
    "WRONGTYPE",
    "syntax error",
    "unknown command",
    "unknown subcommand",
    "wrong number of arguments",
    "value is not",  # an integer, a valid float
    "invalid expire time",
)
"""How Redis begins to say that the caller is wrong, which no default may hide."""

log = logging.getLogger(__name__)


class Redis:
    """A Redis by its URL, reads from the replica where there is one; may be shared by threads.

    ``timeout_s`` bounds connecting and each answer. Answers are text unless ``text`` is False.
    ``times_down`` counts the uses that ended in their default: whatever kept Redis from a usable answer,
    a full disk or memory, a lost primary, an unreadable value. Only a caller's own mistake is raised.
    ``breaker`` counts both roles together: an answer of the replica begins the primary's count anew.
    """

    def __init__(
        self,
        url: str,
        *,
        read_only_url: str | None = None,
        timeout_s: float = 0.5,
        text: bool = True,
        breaker: Breaker | None = None,
    ) -> None:
        self.times_down = 0
        self._down: set[str] = set()
        self._breaker = breaker
        self._urls = {"primary": url, "replica": read_only_url or url}
        self._timeout_s = timeout_s
        self._longest_s = 2 * timeout_s * (RETRIES + 1)  # connecting and asking, each time
        self._text = text
        self._lock = threading.Lock()
        self._connections: dict[str, Connection] = {}

    def read(self, ask: Callable[[Connection], Any], *, default: T) -> T:
        """Return what ``ask`` gets from the replica; ``default`` where Redis is down.

        ``link: str | None = redis.read(lambda r: r.get(key), default=None)``
        """
        return self._ask("replica", ask, default)

    def write(self, ask: Callable[[Connection], Any], *, default: T) -> T:
        """Return what ``ask`` gets from the primary (writes, counters, scripts); else ``default``."""
        return self._ask("primary", ask, default)

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()

    def _ask(self, role: str, ask: Callable[[Connection], Any], default: T) -> T:
        from redis.exceptions import RedisError  # noqa: PLC0415 - with the first use

        try:
            if left_s() < self._longest_s:
                raise Retry(reason="the invocation would end first")  # noqa: TRY301 - one way to be down
            answer: T = self._answer(self._urls[role], ask)
        except (Retry, RedisError, UnicodeDecodeError) as error:
            if _is_mistake(error):
                raise
            self._note_down(role, error)
            return default
        self._down.discard(role)
        return answer

    def _answer(self, url: str, ask: Callable[[Connection], Any]) -> Any:
        """Ask behind the breaker; to it a caller's mistake is an answer."""
        from redis.exceptions import RedisError  # noqa: PLC0415 - with the first use

        with self._breaker.calling() if self._breaker else nullcontext():
            try:
                return ask(self._connected(url))
            except RedisError as error:
                if not _is_mistake(error):
                    raise
                mistake = error
        raise mistake

    def _note_down(self, role: str, error: Exception) -> None:
        with self._lock:
            self.times_down += 1
            is_news = not self._down
            self._down.add(role)  # until it answers itself: with a full disk reads go on
        if is_news:  # once a time that it is down, not once a record
            log.warning("redis is down, going on without: %s: %s", type(error).__name__, error)

    def _connected(self, url: str) -> Connection:
        with self._lock:
            if url not in self._connections:
                self._connections[url] = connect(url, timeout_s=self._timeout_s, text=self._text)
            return self._connections[url]


def connect(url: str, *, timeout_s: float = 0.5, text: bool = True) -> Connection:
    """Return a client that connects on first use and tries once more where a connection was dead."""
    import redis  # noqa: PLC0415 - with the first use
    from redis.backoff import NoBackoff  # noqa: PLC0415 - with the first use
    from redis.retry import Retry as Retries  # noqa: PLC0415 - with the first use

    return redis.Redis.from_url(
        url,
        decode_responses=text,
        socket_connect_timeout=timeout_s,
        socket_timeout=timeout_s,
        retry=Retries(NoBackoff(), RETRIES),
    )


def _is_mistake(error: Exception) -> bool:
    from redis.exceptions import DataError, NoScriptError  # noqa: PLC0415 - with the first use

    said = str(error).rpartition("caused error: ")[2]  # a pipeline says first which command it was
    return isinstance(error, DataError | NoScriptError) or said.startswith(MISTAKES)
