from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from worker_runtime import clock, concurrently
from worker_runtime.clients.breaker import CircuitBreaker, CircuitOpen, circuit_breaker
from worker_runtime.clients.http import HttpService
from worker_runtime.clients.not_called import NotCalled
from worker_runtime.clients.redis import Redis
from worker_runtime.errors import Defer, Halt, Reject, Retry, Skip
from worker_runtime.local.stage.parts.http_server import Response
from worker_runtime.local.stage.parts.stand_in import StandIn
from worker_runtime.local.stage.parts.tcp_server import TcpServer

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from worker_runtime.local.stage.parts.http_server import Request
    from worker_runtime.local.stage.parts.redis_server import RedisServer

pytestmark = pytest.mark.usefixtures("stepped")


def call(breaker: CircuitBreaker, error: BaseException | None = None) -> None:
    with breaker.calling():
        if error is not None:
            raise error


def fail(breaker: CircuitBreaker, *, times: int, error: type[Exception] = TimeoutError) -> None:
    for _ in range(times):
        with pytest.raises(error):
            call(breaker, error("down") if error is not NotCalled else NotCalled(reason="down"))


@pytest.fixture
def breaker() -> CircuitBreaker:
    return circuit_breaker("sms")


def opened(breaker: CircuitBreaker) -> CircuitBreaker:
    fail(breaker, times=10)
    return breaker


def test_ten_failures_in_a_row_open_it(breaker: CircuitBreaker) -> None:
    fail(breaker, times=9)
    assert not breaker.is_open

    fail(breaker, times=1)

    assert breaker.is_open


def test_while_open_a_call_is_a_retry_after_what_is_left(
    breaker: CircuitBreaker, stepped: clock.SteppedClock
) -> None:
    opened(breaker)
    stepped.sleep(4.5)

    with pytest.raises(CircuitOpen, match="sms failed too often") as refused:
        call(breaker)

    assert refused.value.after_s == pytest.approx(10.5)


def test_a_success_begins_the_count_anew(breaker: CircuitBreaker) -> None:
    fail(breaker, times=9)
    call(breaker)

    fail(breaker, times=9)

    assert not breaker.is_open


def test_a_trial_that_succeeds_closes_it(breaker: CircuitBreaker, stepped: clock.SteppedClock) -> None:
    opened(breaker)
    stepped.sleep(15)

    call(breaker)
    fail(breaker, times=9)

    assert not breaker.is_open


def test_a_trial_that_fails_opens_it_for_as_long_again(
    breaker: CircuitBreaker, stepped: clock.SteppedClock
) -> None:
    opened(breaker)
    stepped.sleep(15)

    fail(breaker, times=1)
    stepped.sleep(14)

    assert breaker.is_open
    stepped.sleep(1)
    assert not breaker.is_open


def test_others_are_refused_while_one_tries(breaker: CircuitBreaker, stepped: clock.SteppedClock) -> None:
    opened(breaker)
    stepped.sleep(20)

    with breaker.calling():
        assert breaker.is_open
        with pytest.raises(CircuitOpen) as refused:
            call(breaker)

    assert refused.value.after_s == 1
    assert not breaker.is_open


def test_a_trial_that_the_process_s_end_cuts_short_leaves_room_for_another(
    breaker: CircuitBreaker, stepped: clock.SteppedClock
) -> None:
    opened(breaker)
    stepped.sleep(15)

    with pytest.raises(KeyboardInterrupt):
        call(breaker, KeyboardInterrupt())

    assert not breaker.is_open
    fail(breaker, times=1)
    assert breaker.is_open


@pytest.mark.parametrize("error", [Reject("BAD_NUMBER"), Halt("no grant"), Skip("done")], ids=repr)
def test_verdicts_that_no_service_is_to_blame_for_are_no_failures(
    breaker: CircuitBreaker, error: Exception
) -> None:
    for _ in range(20):
        with pytest.raises(type(error)):
            call(breaker, error)

    assert not breaker.is_open


@pytest.mark.parametrize("error", [Retry(reason="503"), Defer(3), OSError("reset")], ids=repr)
def test_what_passes_by_itself_is_a_failure(breaker: CircuitBreaker, error: Exception) -> None:
    for _ in range(10):
        with pytest.raises(type(error)):
            call(breaker, error)

    assert breaker.is_open


def test_a_call_that_was_never_made_is_no_failure(breaker: CircuitBreaker) -> None:
    fail(breaker, times=20, error=NotCalled)

    assert not breaker.is_open


def test_a_trial_that_never_called_leaves_room_for_another(
    breaker: CircuitBreaker, stepped: clock.SteppedClock
) -> None:
    opened(breaker)
    stepped.sleep(15)

    fail(breaker, times=1, error=NotCalled)
    fail(breaker, times=1)

    assert breaker.is_open


def test_a_late_success_does_not_close_it_nor_a_late_failure_keep_it_open(
    breaker: CircuitBreaker, stepped: clock.SteppedClock
) -> None:
    with suppress(TimeoutError), breaker.calling():
        with breaker.calling():
            opened(breaker)
        assert breaker.is_open
        stepped.sleep(10)
        raise TimeoutError

    assert breaker.is_open
    stepped.sleep(5)
    assert not breaker.is_open


def test_one_line_tells_that_it_opens_and_one_that_it_closes(
    breaker: CircuitBreaker, stepped: clock.SteppedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    opened(breaker)
    stepped.sleep(15)
    fail(breaker, times=1)
    stepped.sleep(15)
    call(breaker)
    call(breaker)

    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("WARNING", "sms failed 10 times in a row and is not called for 15 s: down"),
        ("INFO", "sms answers again"),
    ]


def test_it_keeps_to_the_clock_of_a_stage_that_runs_fast(breaker: CircuitBreaker) -> None:
    with clock.using(clock.ScaledClock(1_000, origin=time.time())):
        opened(breaker)

        clock.sleep(16)

        assert not breaker.is_open


def test_many_threads_call_at_once(breaker: CircuitBreaker) -> None:
    together = threading.Barrier(32, timeout=5)

    def fail_together(_: int) -> None:
        with breaker.calling():
            together.wait()
            raise TimeoutError

    outcomes = concurrently(fail_together, range(32), at_once=32)

    assert [type(each) for each in outcomes] == [TimeoutError] * 32
    assert breaker.is_open


def test_one_of_many_threads_tries(breaker: CircuitBreaker, stepped: clock.SteppedClock) -> None:
    opened(breaker)
    stepped.sleep(15)
    refused = threading.Semaphore(0)

    def attempt(_: int) -> None:
        try:
            with breaker.calling():
                for _ in range(31):
                    refused.acquire(timeout=5)
        except CircuitOpen:
            refused.release()
            raise

    outcomes = concurrently(attempt, range(32), at_once=32)

    assert sorted(type(each).__name__ for each in outcomes) == ["CircuitOpen"] * 31 + ["NoneType"]
    assert not breaker.is_open


@pytest.mark.parametrize("failures", [0, -1])
def test_a_breaker_that_would_never_be_closed_is_refused(failures: int) -> None:
    with pytest.raises(ValueError, match="say failures=1 or more"):
        circuit_breaker("sms", failures=failures)


class Sms(StandIn):
    def handle(self, _: Request) -> Response:
        return Response.json({"status": "queued"}, status=202)


@pytest.fixture
def sms() -> Iterator[Sms]:
    with Sms() as running:
        yield running


def test_a_service_that_keeps_failing_is_left_alone_until_it_is_time(
    sms: Sms, stepped: clock.SteppedClock
) -> None:
    sms.fail_next(10, status=500)
    service = HttpService(sms.url, name="sms", breaker=circuit_breaker("sms"))

    statuses = [service.post("/messages").status_code for _ in range(10)]
    with pytest.raises(CircuitOpen, match="sms failed too often") as refused:
        service.post("/messages")
    seen = sms.count()
    stepped.sleep(refused.value.after_s or 0)
    again = service.post("/messages").status_code

    service.close()
    assert (statuses, seen, again) == ([500] * 10, 10, 202)
    assert sms.count() == 11


def test_time_outs_and_refused_connections_open_it_too(sms: Sms) -> None:
    breaker = circuit_breaker("sms", failures=4)
    service = HttpService(sms.url, name="sms", timeout_s=0.15, retries=0, breaker=breaker)
    sms.fail_next(2, hang=True)

    for _ in range(2):
        with pytest.raises(Retry, match="ReadTimeout"):
            service.post("/messages")
    sms.stop()
    for _ in range(2):
        with pytest.raises(Retry):
            service.post("/messages")

    service.close()
    assert breaker.is_open


def test_refusals_of_what_was_asked_leave_it_closed(sms: Sms) -> None:
    breaker = circuit_breaker("sms", failures=2)
    service = HttpService(sms.url, name="sms", breaker=breaker)
    sms.fail_next(9, status=422)

    for _ in range(9):
        service.post("/messages")

    service.close()
    assert not breaker.is_open


def test_a_redis_that_hangs_costs_one_time_out_a_use_until_it_is_open_and_then_none() -> None:
    def hang(connection: socket.socket) -> None:
        while connection.recv(4_096):
            pass

    with TcpServer(hang) as server:
        redis = Redis(
            f"redis://127.0.0.1:{server.port}/0", timeout_s=0.3, breaker=circuit_breaker("redis", failures=3)
        )
        took_s = []
        for _ in range(6):
            started = time.monotonic()
            assert redis.read(lambda r: r.get("k"), default="default") == "default"
            took_s.append(time.monotonic() - started)
        redis.close()

    assert min(took_s[:3]) > 0.3
    assert max(took_s[3:]) < 0.3
    assert redis.times_down == 6


def test_a_redis_that_came_back_is_used_again_after_the_trial(
    redis_server: RedisServer, stepped: clock.SteppedClock
) -> None:
    redis = Redis(redis_server.url, breaker=circuit_breaker("redis", failures=3))
    redis_server.kill()
    for _ in range(5):
        assert redis.write(lambda r: r.set("k", "v"), default=None) is None

    redis_server.start()
    too_early = redis.write(lambda r: r.set("k", "v"), default=None)
    stepped.sleep(15)

    assert too_early is None
    assert redis.write(lambda r: r.set("k", "v"), default=None) is True
    assert redis.read(lambda r: r.get("k"), default=None) == "v"
    redis.close()


def test_a_callers_mistakes_do_not_open_the_breaker_of_a_redis(redis_server: RedisServer) -> None:
    breaker = circuit_breaker("redis", failures=2)
    redis = Redis(redis_server.url, breaker=breaker)
    redis.write(lambda r: r.set("k", "text"), default=None)

    for _ in range(4):
        with pytest.raises(Exception, match="WRONGTYPE"):
            redis.write(lambda r: r.lpush("k", "x"), default=None)

    redis.close()
    assert not breaker.is_open
