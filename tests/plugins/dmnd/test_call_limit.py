from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING

import pytest

from worker_runtime import clock
from worker_runtime.clients.redis import Redis
from worker_runtime.clock import ScaledClock
from workers_dmnd.adapters.redis_call_limit import BLOCK, RedisCallLimit
from workers_dmnd.rules import minute_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.local.stage.parts.redis_server import RedisServer
    from worker_runtime.testing import SteppedClock


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    redis = Redis(redis_server.url)
    yield redis
    redis.close()


def test_a_minute_has_so_many_calls_for_all_processes_together(redis: Redis, stepped: SteppedClock) -> None:
    one, other = RedisCallLimit(redis, per_minute=3), RedisCallLimit(redis, per_minute=3)

    waits = [limit.take() for limit in (one, other, one, other, one)]
    stepped.sleep(60)

    assert waits == [0, 0, 0, 60, 80]
    assert other.take() == 0


def test_a_spent_minute_blocks_all_until_it_ends(redis: Redis, stepped: SteppedClock) -> None:
    limit = RedisCallLimit(redis, per_minute=1)
    stepped.sleep(45)

    limit.take()
    limit.take()

    ends_at = redis.read(lambda r: r.get(BLOCK), default="")
    assert float(ends_at) == clock.now() + 15


def test_a_block_holds_every_process_until_it_ends(redis: Redis, stepped: SteppedClock) -> None:
    one, other = RedisCallLimit(redis, per_minute=100), RedisCallLimit(redis, per_minute=100)

    one.block(for_s=300)
    waiting = (one.take(), other.take())
    stepped.sleep(300)

    assert waiting == (300, 301)
    assert (one.take(), other.take()) == (0, 0)


def test_a_block_longer_than_a_message_can_wait_is_asked_about_again(
    redis: Redis, stepped: SteppedClock
) -> None:
    limit = RedisCallLimit(redis, per_minute=100)

    limit.block(for_s=3600)
    first = limit.take()
    stepped.sleep(first)

    assert (first, limit.take()) == (900, 900)


def test_a_spent_minute_does_not_shorten_a_longer_block(redis: Redis, stepped: SteppedClock) -> None:
    limit = RedisCallLimit(redis, per_minute=1)

    limit.block(for_s=600)
    for _ in range(3):
        limit.take()
    stepped.sleep(120)

    assert limit.take() == 480


def test_a_block_ends_on_the_workers_clock_however_fast_it_runs(redis: Redis) -> None:
    with clock.using(ScaledClock(200.0, origin=clock.now())):
        limit = RedisCallLimit(redis, per_minute=100)

        limit.block(for_s=60)
        blocked = limit.take()
        clock.sleep(blocked)

        assert blocked > 0
        assert limit.take() == 0


def test_what_is_counted_is_cleaned_up(redis: Redis, stepped: SteppedClock) -> None:
    limit = RedisCallLimit(redis, per_minute=1)

    limit.take()
    limit.block(for_s=30)

    key = f"rl:bitly:{minute_of(stepped.now())}"
    assert 115 <= redis.write(lambda r: r.ttl(key), default=0) <= 120
    assert 25 <= redis.write(lambda r: r.ttl(BLOCK), default=0) <= 30


def test_a_process_takes_a_tenth_while_redis_is_down(
    redis: Redis, redis_server: RedisServer, stepped: SteppedClock
) -> None:
    limit = RedisCallLimit(redis, per_minute=20)
    assert limit.take() == 0
    redis_server.kill()

    waits = [limit.take() for _ in range(3)]
    stepped.sleep(60)
    next_minute = limit.take()

    assert waits == [0, 0, 60]
    assert next_minute == 0


def test_a_block_is_remembered_while_redis_is_down(
    redis: Redis, redis_server: RedisServer, stepped: SteppedClock
) -> None:
    limit = RedisCallLimit(redis, per_minute=20)
    redis_server.kill()

    limit.block(for_s=90)
    while_down = limit.take()
    redis_server.start()
    back = limit.take()
    stepped.sleep(90)

    assert (while_down, back) == (90, 90)
    assert limit.take() == 0


def test_threads_never_exceed_the_limit_together(redis: Redis, stepped: SteppedClock) -> None:
    limit = RedisCallLimit(redis, per_minute=5)

    with ThreadPoolExecutor(10) as threads:
        taking = [threads.submit(copy_context().run, limit.take) for _ in range(20)]
        waits = sorted(each.result() for each in taking)

    assert waits[:6] == [0, 0, 0, 0, 0, 60]
    assert stepped.now() + max(waits) > stepped.now() + 200  # the last has its place three minutes on
