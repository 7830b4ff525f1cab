from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import DataError, ResponseError

from worker_runtime import clock
from worker_runtime.clients.redis import Redis
from worker_runtime.errors import Retry
from worker_runtime.local.stage.parts.redis_server import RedisServer
from worker_runtime.local.stage.parts.tcp_server import TcpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redis import Redis as Connection


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
    assert time.monotonic() - started < 5


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


def test_a_wrong_command_in_a_pipeline_is_an_error_too(redis: Redis) -> None:
    redis.write(lambda r: r.set("k", "text"), default=None)

    def push(r: Connection) -> list[Any]:
        together = r.pipeline()
        together.incr("n")
        together.lpush("k", "x")
        return together.execute()

    with pytest.raises(Exception, match="WRONGTYPE"):
        redis.write(push, default=None)


@pytest.mark.parametrize(
    "mistaken",
    [
        lambda r: r.execute_command("GETT", "k"),
        lambda r: r.execute_command("GET"),
        lambda r: r.execute_command("SET", "k", "v", "NEVER"),
        lambda r: r.incr("text"),
        lambda r: r.set("k", "v", ex=0),
        lambda r: r.evalsha("0" * 40, 0),
        lambda r: r.set("k", None),
    ],
    ids=["no command", "too few", "syntax", "no integer", "no expiry", "no script", "no value"],
)
def test_a_caller_s_mistake_is_never_hidden_by_the_default(
    redis: Redis, mistaken: Callable[[Connection], Any]
) -> None:
    redis.write(lambda r: r.set("text", "text"), default=None)

    with pytest.raises((ResponseError, DataError)):
        redis.write(mistaken, default=None)

    assert redis.times_down == 0


@contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """Serve a Redis that answers every command alike."""

    def serve(connection: socket.socket) -> None:
        while asked := connection.recv(4_096):
            connection.sendall(b"+OK\r\n" * asked.count(b"CLIENT") if b"CLIENT" in asked else answer)

    with TcpServer(serve) as server:
        yield f"redis://127.0.0.1:{server.port}/0?protocol=2"


@pytest.mark.parametrize(
    ("answer", "called"),
    [
        (b"-MISCONF Redis is configured to save RDB snapshots, but it's unable to\r\n", "ResponseError"),
        (b"-NOREPLICAS Not enough good replicas to write.\r\n", "ResponseError"),
        (b"-READONLY You can't write against a read only replica.\r\n", "ReadOnlyError"),
        (b"-BUSY Redis is busy running a script.\r\n", "ResponseError"),
        (b"-NOPERM this user has no permissions to run the 'set' command\r\n", "NoPermissionError"),
        (b"-NOAUTH Authentication required.\r\n", "AuthenticationError"),
        (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", "OutOfMemoryError"),
        (b"-MASTERDOWN Link with MASTER is down\r\n", "MasterDownError"),
        (b"-LOADING Redis is loading the dataset in memory\r\n", "BusyLoadingError"),
        (b"-MOVED 3999 127.0.0.1:6381\r\n", "MovedError"),
        (b"HTTP/1.1 400 Bad Request\r\n", "InvalidResponse"),
        (b"$2\r\n\xff\xfe\r\n", "UnicodeDecodeError"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_whatever_keeps_redis_from_a_usable_answer_is_the_default(
    answer: bytes, called: str, caplog: pytest.LogCaptureFixture
) -> None:
    with saying(answer) as url:
        redis = Redis(url, timeout_s=5)

        answers = [
            redis.write(lambda r: r.set("k", "v"), default="default"),
            redis.write(lambda r: r.set("k", "v"), default="default"),
            redis.read(lambda r: r.get("k"), default="default"),
        ]

        redis.close()
    assert answers == ["default"] * 3
    assert redis.times_down == 3
    assert caplog.text.count(f"redis is down, going on without: {called}: ") == 1


def test_a_full_memory_takes_no_writes_but_reads_go_on_and_one_line_tells(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    redis.write(lambda r: r.set("k", "v"), default=None)
    redis.write(lambda r: r.config_set("maxmemory", 1), default=None)

    answers = []
    for _ in range(3):
        answers.append(redis.write(lambda r: r.set("k", "newer"), default="default"))
        answers.append(redis.read(lambda r: r.get("k"), default="default"))

    assert answers == ["default", "v"] * 3
    assert caplog.text.count("redis is down, going on without: OutOfMemoryError") == 1


def test_bytes_stay_bytes_where_text_is_not_wanted(redis_server: RedisServer) -> None:
    redis = Redis(redis_server.url, text=False)

    redis.write(lambda r: r.set("k", b"\x00\xff"), default=None)

    assert redis.read(lambda r: r.get("k"), default=None) == b"\x00\xff"
    redis.close()
