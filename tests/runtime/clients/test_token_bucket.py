from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker_runtime import clock, concurrently
from worker_runtime.clients.redis import Redis
from worker_runtime.clients.token_bucket import TokenBucket
from worker_runtime.local.stage.parts.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def redis(server: RedisServer) -> Iterator[Redis]:
    redis = Redis(server.url)
    yield redis
    redis.close()


@pytest.fixture
def nowhere() -> Redis:
    """Give a Redis that is down."""
    return Redis("redis://127.0.0.1:1/0")


class Shifted(clock.RealClock):
    """The machine's time, and some seconds more or less."""

    def __init__(self, by_s: float) -> None:
        self._by_s = by_s

    def now(self) -> float:
        return super().now() + self._by_s


def bucket(redis: Redis, *, rate_per_s: float = 10, burst: float = 5, key: str | None = None) -> TokenBucket:
    return TokenBucket(redis, key or f"rl:{uuid4()}", rate_per_s=rate_per_s, burst=burst)


@pytest.mark.usefixtures("stepped")
def test_a_burst_is_there_at_once_and_then_no_more(redis: Redis) -> None:
    sms = bucket(redis)

    taken = [sms.take(within_s=0) for _ in range(7)]

    assert taken == [True] * 5 + [False] * 2


def test_a_take_waits_for_its_token(redis: Redis, stepped: clock.SteppedClock) -> None:
    sms = bucket(redis, burst=1)
    started = stepped.now()

    taken = [sms.take(within_s=2) for _ in range(4)]

    assert taken == [True] * 4
    assert stepped.now() - started == pytest.approx(0.3)


def test_a_take_that_would_wait_too_long_does_not_wait(redis: Redis, stepped: clock.SteppedClock) -> None:
    sms = bucket(redis, rate_per_s=0.4, burst=1)
    sms.take(within_s=0)
    started = stepped.now()

    assert not sms.take(within_s=2)
    assert stepped.now() == started
    assert sms.take(within_s=2.5)


def test_what_was_refused_costs_nothing(redis: Redis, stepped: clock.SteppedClock) -> None:
    sms = bucket(redis, rate_per_s=1, burst=1)
    sms.take(within_s=0)

    for _ in range(20):
        sms.take(within_s=0.5)
    stepped.sleep(1)

    assert sms.take(within_s=0)


def test_a_take_does_not_wait_beyond_the_invocation(redis: Redis, stepped: clock.SteppedClock) -> None:
    sms = bucket(redis, rate_per_s=0.2, burst=1)
    sms.take(within_s=0)

    with clock.deadline(stepped.now() + 4):
        assert not sms.take(within_s=60)
    with clock.deadline(stepped.now() + 6):
        assert sms.take(within_s=60)


def test_nothing_is_taken_when_the_invocation_is_over(redis: Redis, stepped: clock.SteppedClock) -> None:
    with clock.deadline(stepped.now()):
        assert not bucket(redis).take(within_s=2)


@pytest.mark.usefixtures("stepped")
def test_whoever_has_the_key_shares_the_tokens(redis: Redis, server: RedisServer) -> None:
    elsewhere = Redis(server.url, text=False)
    mine, theirs = bucket(redis, key="rl:shared"), bucket(elsewhere, key="rl:shared")

    taken = [each.take(within_s=0) for each in (mine, theirs) * 4]

    elsewhere.close()
    assert taken == [True] * 5 + [False] * 3


def test_a_clock_that_is_behind_gains_nothing(redis: Redis, stepped: clock.SteppedClock) -> None:
    sms = bucket(redis, rate_per_s=1, burst=2)
    sms.take(within_s=0)
    sms.take(within_s=0)

    stepped.at -= 30
    behind = [sms.take(within_s=0.5), sms.take(within_s=1)]
    stepped.at += 29
    right = sms.take(within_s=0.5)

    assert (behind, right) == ([False, True], False)


def test_clocks_that_differ_share_what_there_is(redis: Redis) -> None:
    shared, taken = bucket(redis, rate_per_s=200), Counter[str]()
    clocks = {"behind": Shifted(-3), "right": Shifted(0), "ahead": Shifted(7_200)}
    ends_at = time.monotonic() + 1

    def take(name: str) -> None:
        with clock.using(clocks[name]):
            while time.monotonic() < ends_at:
                is_taken = shared.take(within_s=0.05)
                taken[name] += is_taken

    concurrently(take, [*clocks] * 2, at_once=6)

    assert min(taken.values()) > 0.2 * taken.total()
    assert 150 < taken.total() <= 5 + 200 * (1 + 0.5)  # however late a busy machine ends some


def test_a_clock_that_was_far_ahead_is_missed_by_nobody(redis: Redis) -> None:
    shared = bucket(redis, rate_per_s=20, burst=1)
    with clock.using(Shifted(7_200)):
        shared.take(within_s=0)

    taken = [shared.take(within_s=1) for _ in range(3)]

    assert taken == [True] * 3


@pytest.mark.parametrize("is_down", [False, True])
def test_a_clock_that_is_behind_loses_nothing(
    redis: Redis, nowhere: Redis, stepped: clock.SteppedClock, *, is_down: bool
) -> None:
    sms = bucket(nowhere if is_down else redis, rate_per_s=10, burst=20)
    sms.take(within_s=0)

    stepped.at -= 30

    assert sms.take(within_s=0)


def test_an_idle_bucket_is_forgotten_after_ten_seconds(redis: Redis) -> None:
    bucket(redis, key="rl:idle").take(within_s=0)

    assert 9_000 < redis.read(lambda r: r.pttl("rl:idle"), default=0) <= 10_000


def test_a_bucket_that_fills_slowly_is_kept_until_it_is_full(redis: Redis) -> None:
    bucket(redis, key="rl:slow", rate_per_s=0.1, burst=6).take(within_s=0)

    assert 59_000 < redis.read(lambda r: r.pttl("rl:slow"), default=0) <= 60_000


@pytest.mark.usefixtures("stepped")
def test_a_redis_that_forgot_the_script_is_told_it_again(redis: Redis) -> None:
    sms = bucket(redis, burst=1)
    sms.take(within_s=0)

    redis.write(lambda r: r.script_flush(), default=None)

    assert not sms.take(within_s=0)
    assert redis.times_down == 0


def test_while_redis_is_down_each_process_takes_a_tenth(nowhere: Redis, stepped: clock.SteppedClock) -> None:
    sms = bucket(nowhere, rate_per_s=20, burst=30)

    at_once = [sms.take(within_s=0) for _ in range(5)]
    stepped.sleep(1)
    a_second_later = [sms.take(within_s=0) for _ in range(5)]

    assert at_once == [True] * 3 + [False] * 2
    assert a_second_later == [True] * 2 + [False] * 3


@pytest.mark.usefixtures("stepped")
def test_the_shared_tokens_count_again_once_redis_is_back() -> None:
    with RedisServer() as server:
        redis = Redis(server.url)
        sms = bucket(redis, rate_per_s=10, burst=10)
        server.kill()
        assert [sms.take(within_s=0) for _ in range(2)] == [True, False]

        server.start()

        assert [sms.take(within_s=0) for _ in range(11)] == [True] * 10 + [False]
        redis.close()


def test_many_threads_keep_to_the_rate_together(server: RedisServer) -> None:
    shared = [Redis(server.url) for _ in range(4)]
    buckets = [bucket(redis, key="rl:many", rate_per_s=100, burst=10) for redis in shared]
    started = time.monotonic()

    taken = concurrently(lambda n: buckets[n % 4].take(within_s=0.1), range(150), at_once=32)

    took_s = time.monotonic() - started
    for redis in shared:
        redis.close()
    assert 20 <= taken.count(True) <= 10 + 100 * took_s


@pytest.mark.parametrize(("rate_per_s", "burst"), [(0, 5), (-1, 5), (10, 0.5)])
def test_a_bucket_that_never_gives_is_refused(nowhere: Redis, rate_per_s: float, burst: float) -> None:
    with pytest.raises(ValueError, match="would never give a token"):
        bucket(nowhere, rate_per_s=rate_per_s, burst=burst)


def grants(sms: TokenBucket, takes: Sequence[tuple[float, float]]) -> Iterator[float]:
    """Yield the bucket's time of each token that was given; callers' clocks go forth and back."""
    latest = float("-inf")
    stepped = clock.SteppedClock()
    with clock.using(stepped):
        for step_s, within_s in takes:
            stepped.at += step_s
            latest = max(latest, stepped.at)
            asked_at = stepped.at
            if sms.take(within_s=within_s):
                waited_s = stepped.at - asked_at
                yield latest + waited_s


TAKES = st.lists(
    st.tuples(st.floats(-2, 3, width=32) | st.just(0.0), st.floats(0, 2, width=32) | st.just(0.0)),
    min_size=1,
    max_size=40,
)
RATES = st.floats(0.5, 50, width=32)
BURSTS = st.integers(1, 8)


def assert_kept(times: Sequence[float], *, rate_per_s: float, burst: float, took_s: float = 0) -> None:
    """Hold tokens to the rate; the machine's own time, ``took_s``, brings some to a clock that is behind."""
    for first, start in enumerate(times):
        for last, end in enumerate(times[first:], first):
            assert last - first + 1 <= burst + rate_per_s * (end - start + took_s) + 1e-3


@given(takes=TAKES, rate_per_s=RATES, burst=BURSTS)
@settings(max_examples=60)
def test_no_span_of_time_has_more_than_its_burst_and_its_rate(
    server: RedisServer, takes: list[tuple[float, float]], rate_per_s: float, burst: int
) -> None:
    redis, began = Redis(server.url), time.monotonic()

    times = list(grants(bucket(redis, rate_per_s=rate_per_s, burst=burst), takes))

    redis.close()
    assert redis.times_down == 0
    assert_kept(times, rate_per_s=rate_per_s, burst=burst, took_s=time.monotonic() - began)


@given(takes=TAKES, rate_per_s=RATES, burst=BURSTS)
@settings(max_examples=60)
def test_no_span_of_time_has_more_than_a_tenth_while_redis_is_down(
    takes: list[tuple[float, float]], rate_per_s: float, burst: int
) -> None:
    own = bucket(Redis("redis://127.0.0.1:1/0"), rate_per_s=rate_per_s, burst=burst)

    times = list(grants(own, takes))

    assert_kept(times, rate_per_s=rate_per_s / 10, burst=max(burst / 10, 1))
