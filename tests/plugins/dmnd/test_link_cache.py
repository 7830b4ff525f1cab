from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker_runtime.clients.redis import Redis
from workers_dmnd.adapters.redis_link_cache import KEPT_S, RedisLinkCache
from workers_dmnd.rules import link_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.local.stage.parts.redis_server import RedisServer

URL, LINK = "https://www.ticketmaster.com/event/e1", "https://bit.ly/e1"


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    redis = Redis(redis_server.url)
    yield redis
    redis.close()


@pytest.fixture
def cache(redis: Redis) -> RedisLinkCache:
    return RedisLinkCache(redis, domain="bit.ly", group_guid="G")


def test_a_link_is_remembered(cache: RedisLinkCache) -> None:
    cache.keep(URL, LINK)

    assert cache.find(URL) == LINK
    assert cache.find(URL + "2") is None


def test_a_link_is_kept_for_30_days(cache: RedisLinkCache, redis: Redis) -> None:
    cache.keep(URL, LINK)

    key = link_key(URL, domain="bit.ly", group_guid="G")
    left_s = redis.write(lambda r: r.ttl(key), default=0)
    assert KEPT_S - 5 <= left_s <= KEPT_S == 30 * 86_400


def test_another_group_has_links_of_its_own(cache: RedisLinkCache, redis: Redis) -> None:
    cache.keep(URL, LINK)

    assert RedisLinkCache(redis, domain="bit.ly", group_guid="H").find(URL) is None


def test_a_redis_that_dies_is_done_without(cache: RedisLinkCache, redis_server: RedisServer) -> None:
    cache.keep(URL, LINK)
    redis_server.kill()

    while_down = cache.find(URL)
    cache.keep(URL, LINK)
    redis_server.start()
    cache.keep(URL, LINK)

    assert while_down is None
    assert cache.find(URL) == LINK
