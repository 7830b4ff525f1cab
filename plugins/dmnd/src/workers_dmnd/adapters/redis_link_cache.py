"""Links that Bitly has made, kept in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers_dmnd.rules import link_key

if TYPE_CHECKING:
    from worker_runtime.clients.redis import Redis

KEPT_S: Final = 30 * 24 * 3600


class RedisLinkCache:
    """Serves ``LinkCache``; while Redis is down it knows nothing."""

    def __init__(self, redis: Redis, *, domain: str, group_guid: str) -> None:
        self._redis = redis
        self._domain = domain
        self._group_guid = group_guid

    def find(self, url: str) -> str | None:
        """Return the link of a URL, if it is known."""
        key = self._key(url)
        return self._redis.read(lambda redis: redis.get(key), default=None)

    def keep(self, url: str, link: str) -> None:
        """Remember the link of a URL for 30 days."""
        key = self._key(url)
        self._redis.write(lambda redis: redis.set(key, link, ex=KEPT_S), default=None)

    def _key(self, url: str) -> str:
        return link_key(url, domain=self._domain, group_guid=self._group_guid)
