from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from worker_runtime import clock
from worker_runtime.clients.redis import Redis
from worker_runtime.errors import Retry
from worker_runtime.local.stage.parts.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    redis = Redis(redis_server.url)
    yield redis
    redis.close()


def test_what_is_written_can_be_read(redis: Redis) -> None:
    redis.write(lambda r: r.set("k", "v", ex=60), default=None)

    assert redis.read(lambda r: r.get("k"), default="absent") == "v"
    assert redis.times_down == 0


def test_a_redis_that_is_down_answers_with_the_default_and_is_counted(
    redis: Redis, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    redis_server.kill()

    link: str | None = redis.read(lambda r: r.get("k"), default=None)
    taken = redis.write(lambda r: r.incr("n"), default=-1)

    assert (link, taken) == (None, -1)
    assert redis.times_down == 2
    assert caplog.text.count("redis is down, going on without") == 1


def test_a_redis_that_came_back_is_used_again(redis: Redis, redis_server: RedisServer) -> None:
    redis.write(lambda r: r.set("k", "before"), default=None)
    redis_server.kill()
    assert redis.read(lambda r: r.get("k"), default="down") == "down"

    redis_server.start()
    redis.write(lambda r: r.set("k", "after"), default=None)

    assert redis.read(lambda r: r.get("k"), default="down") == "after"
    assert redis.times_down == 1


def test_a_restart_between_two_uses_goes_unnoticed(redis: Redis, redis_server: RedisServer) -> None:
    redis.write(lambda r: r.set("k", "before"), default=None)
    redis_server.restart()

    stored = redis.write(lambda r: r.set("k", "after"), default=False)

    assert stored is True
    assert redis.times_down == 0


def test_a_redis_that_hangs_costs_its_timeouts_only() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        redis = Redis(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", timeout_s=0.1)
        started = time.monotonic()

        answer = redis.read(lambda r: r.get("k"), default="default")

        redis.close()
    assert answer == "default"
    assert time.monotonic() - started < 1


def test_redis_is_not_asked_when_the_invocation_would_end_first(redis: Redis) -> None:
    redis.write(lambda r: r.set("k", "v"), default=None)

    with clock.deadline(clock.now() + 1):
        answer = redis.read(lambda r: r.get("k"), default="default")

    assert answer == "default"
    assert redis.times_down == 1


class Open:
    """A breaker that is open."""

    @contextmanager
    def calling(self) -> Iterator[None]:
        raise Retry(15, reason="redis: open")
        yield


def test_an_open_breaker_counts_as_down(redis_server: RedisServer) -> None:
    redis = Redis(redis_server.url, breaker=Open())

    answer = redis.read(lambda r: r.get("k"), default="default")

    assert answer == "default"
    assert redis.times_down == 1


def test_reads_go_to_the_replica_and_writes_to_the_primary(redis_server: RedisServer) -> None:
    with RedisServer() as replica:
        redis = Redis(redis_server.url, read_only_url=replica.url)

        redis.write(lambda r: r.set("k", "v"), default=None)

        assert redis.write(lambda r: r.get("k"), default=None) == "v"
        assert redis.read(lambda r: r.get("k"), default="default") is None
        redis.close()


def test_a_wrong_command_is_still_an_error(redis: Redis) -> None:
    redis.write(lambda r: r.set("k", "text"), default=None)

    with pytest.raises(Exception, match="WRONGTYPE"):
        redis.write(lambda r: r.lpush("k", "x"), default=None)


def test_bytes_stay_bytes_where_text_is_not_wanted(redis_server: RedisServer) -> None:
    redis = Redis(redis_server.url, text=False)

    redis.write(lambda r: r.set("k", b"\x00\xff"), default=None)

    assert redis.read(lambda r: r.get("k"), default=None) == b"\x00\xff"
    redis.close()
