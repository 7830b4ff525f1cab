from __future__ import annotations

import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from worker_runtime import clock
from worker_runtime.clients.http import HttpService
from worker_runtime.clients.http_verdicts import retry_after_s
from worker_runtime.errors import Halt, Reject, Retry, ServiceRefused, SettingsError, Verdict
from worker_runtime.invocation import invoked
from worker_runtime.local.stage.parts.http_server import Response
from worker_runtime.local.stage.parts.stand_in import StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.local.stage.parts.http_server import Request


class Echo(StandIn):
    """Answers with what it was asked."""

    def handle(self, request: Request) -> Response:
        seen = {"path": request.path, "query": dict(request.query), "headers": dict(request.headers)}
        return Response.json({**seen, "json": request.json()}, headers={"Set-Cookie": "fan=1"})


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as running:
        yield running


@pytest.fixture
def links(echo: Echo) -> Iterator[HttpService]:
    service = HttpService(f"{echo.url}/v4", name="links", headers={"X-Who": "us"})
    yield service
    service.close()


def test_a_request_reaches_the_service_and_its_answer_the_caller(links: HttpService) -> None:
    seen = links.check(
        links.post("/shorten", json={"a": 1}, params={"q": "x"}, headers={"X-More": "1"})
    ).json()

    assert (seen["path"], seen["query"], seen["json"]) == ("/v4/shorten", {"q": "x"}, {"a": 1})
    assert (seen["headers"]["x-who"], seen["headers"]["x-more"]) == ("us", "1")


def test_the_trace_travels_along(echo: Echo) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    service = HttpService(echo.url, name="links", trace_headers=lambda: {"traceparent": trace})

    seen = service.get("/").json()

    service.close()
    assert seen["headers"]["traceparent"] == trace


class Context:
    """What Lambda hands over."""

    aws_request_id = "request-1"
    function_name = "f"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def test_the_correlation_id_travels_along(links: HttpService) -> None:
    with invoked(Context()):
        seen = links.get("/").json()

    assert seen["headers"]["x-correlation-id"] == "request-1"


def test_many_threads_share_one_service(links: HttpService, echo: Echo) -> None:
    echo.slow_next(32, latency_s=0.2)
    started = time.monotonic()

    with ThreadPoolExecutor(32) as threads:
        statuses = list(threads.map(lambda n: links.get(f"/{n}").status_code, range(32)))

    assert statuses == [200] * 32
    assert time.monotonic() - started < 32 * 0.2 / 2


class Crowded(Echo):
    """Counts how many it serves at once."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once = self.most = 0

    def handle(self, request: Request) -> Response:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        time.sleep(0.02)
        self.at_once -= 1
        return super().handle(request)


def test_a_service_sees_no_more_connections_than_it_allows() -> None:
    with Crowded() as crowded, ThreadPoolExecutor(10) as threads:
        service = HttpService(crowded.url, name="links", max_connections=3)

        statuses = list(threads.map(lambda _: service.get("/").status_code, range(20)))

        service.close()
    assert statuses == [200] * 20
    assert crowded.most == 3


def test_waiting_for_a_connection_is_part_of_the_timeout(echo: Echo) -> None:
    echo.slow_next(8, latency_s=0.5)
    service = HttpService(echo.url, name="links", max_connections=1, timeout_s=0.3)

    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(service.get, "/") for _ in range(8)]
    errors = [str(call.exception()) for call in calls]

    service.close()
    assert set(errors) == {"links: GET /: ReadTimeout", "links: all connections are taken"}
    assert errors.count("links: all connections are taken") > 1  # however late a busy machine starts some


def test_cookies_of_one_answer_do_not_reach_the_next_request(links: HttpService) -> None:
    links.get("/")

    assert "cookie" not in links.get("/").json()["headers"]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_passing_failure_is_tried_twice_more(links: HttpService, echo: Echo, status: int) -> None:
    echo.fail_next(2, status=status)

    response = links.get("/")

    assert response.status_code == 200
    assert echo.count() == 3


def test_the_last_answer_is_the_callers_to_look_at(links: HttpService, echo: Echo) -> None:
    echo.fail_next(9, status=429, body={"message": "MONTHLY_LIMIT"}, headers={"X-Left": "0"})

    response = links.get("/")

    assert (response.status_code, response.headers["X-Left"]) == (429, "0")
    assert response.json() == {"message": "MONTHLY_LIMIT"}
    assert echo.count() == 3


def test_a_plain_500_is_not_tried_again(links: HttpService, echo: Echo) -> None:
    echo.fail_next(1, status=500)

    assert links.get("/").status_code == 500
    assert echo.count() == 1


def test_a_post_is_not_repeated(links: HttpService, echo: Echo) -> None:
    echo.fail_next(1, status=503)

    assert links.post("/shorten", json={}).status_code == 503
    assert echo.count() == 1


def test_a_post_with_an_idempotency_key_is_repeated_with_it(links: HttpService, echo: Echo) -> None:
    echo.fail_next(1, status=503)

    response = links.post("/shorten", json={}, idempotency_key="k-1")

    assert response.json()["headers"]["idempotency-key"] == "k-1"
    assert echo.count() == 2


def test_a_post_that_is_idempotent_by_nature_is_repeated(links: HttpService, echo: Echo) -> None:
    echo.fail_next(1, status=503)

    assert links.post("/shorten", json={}, idempotent=True).status_code == 200


def test_a_short_retry_after_is_honoured(links: HttpService, echo: Echo, stepped: clock.SteppedClock) -> None:
    echo.fail_next(1, status=503, headers={"Retry-After": "2"})
    started = stepped.now()

    assert links.get("/").status_code == 200
    assert stepped.now() - started == 2


def test_a_long_retry_after_is_left_to_the_caller(links: HttpService, echo: Echo) -> None:
    echo.fail_next(1, status=429, headers={"Retry-After": "60"})

    with pytest.raises(Retry) as raised:
        links.check(links.get("/"))

    assert raised.value.after_s == 60
    assert echo.count() == 1


def test_retries_stop_before_the_invocation_ends(
    links: HttpService, echo: Echo, stepped: clock.SteppedClock
) -> None:
    echo.fail_next(9, status=503, headers={"Retry-After": "2"})

    with clock.deadline(stepped.now() + 5):
        response = links.get("/")

    assert response.status_code == 503
    assert echo.count() == 2


def test_a_refused_connection_is_tried_again_and_then_a_retry(stepped: clock.SteppedClock) -> None:
    with Echo() as gone:
        service = HttpService(gone.url, name="links")
    started = stepped.now()

    with pytest.raises(Retry, match="links: GET /v4/x: ConnectError"):
        service.get("/v4/x?apikey=hidden")

    service.close()
    assert stepped.now() > started


def test_a_service_that_hangs_costs_no_more_than_its_timeout(echo: Echo) -> None:
    echo.fail_next(9, hang=True)
    service = HttpService(echo.url, name="links", timeout_s=0.3)
    started = time.monotonic()

    with pytest.raises(Retry, match="links: GET /: ReadTimeout"):
        service.get("/")

    service.close()
    assert time.monotonic() - started < 5
    assert echo.count() == 1


def test_a_service_that_hangs_leaves_the_invocation_two_seconds(links: HttpService, echo: Echo) -> None:
    echo.fail_next(9, hang=True)
    ends_at = clock.now() + 2.4

    with clock.deadline(ends_at), pytest.raises(Retry, match="ReadTimeout"):
        links.get("/")

    assert ends_at - clock.now() > 1.9


def test_a_service_is_not_called_in_the_last_two_seconds(links: HttpService, echo: Echo) -> None:
    with clock.deadline(clock.now() + 2), pytest.raises(Retry, match="links was not called"):
        links.get("/")

    assert echo.count() == 0


@contextmanager
def trickling(*, every_s: float) -> Iterator[str]:
    """Serve one answer a byte at a time, never to its end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
                while True:
                    connection.sendall(b"x")
                    time.sleep(every_s)

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.join()


def test_a_body_that_trickles_is_cut_off_at_the_timeout() -> None:
    with trickling(every_s=0.05) as url:
        service = HttpService(url, name="links", timeout_s=0.4)
        started = time.monotonic()

        with pytest.raises(Retry, match="ReadTimeout"):
            service.get("/")

        took_s = time.monotonic() - started
        service.close()
    assert took_s < 5


class Open:
    """A breaker that is open."""

    @contextmanager
    def calling(self) -> Iterator[None]:
        raise Retry(15, reason="links: open")
        yield


class Counting:
    """A breaker that lets everything through and counts what failed."""

    def __init__(self) -> None:
        self.calls = self.failures = 0

    @contextmanager
    def calling(self) -> Iterator[None]:
        self.calls += 1
        try:
            yield
        except Exception:
            self.failures += 1
            raise


def test_an_open_breaker_keeps_calls_away(echo: Echo) -> None:
    service = HttpService(echo.url, name="links", breaker=Open())

    with pytest.raises(Retry, match="links: open"):
        service.get("/")

    assert echo.count() == 0


def test_a_breaker_sees_each_failed_try_and_not_a_refusal(echo: Echo) -> None:
    breaker = Counting()
    service = HttpService(echo.url, name="links", timeout_s=0.3, breaker=breaker)
    echo.fail_next(1, status=503)
    echo.fail_next(1, status=404)
    echo.fail_next(1, hang=True)

    assert service.get("/").status_code == 404
    with pytest.raises(Retry):
        service.get("/")

    service.close()
    assert (breaker.calls, breaker.failures) == (3, 2)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (408, Retry),
        (425, Retry),
        (429, Retry),
        (500, Retry),
        (503, Retry),
        (401, Halt),
        (403, Halt),
        (301, Halt),
        (404, ServiceRefused),
        (422, ServiceRefused),
    ],
)
def test_a_status_has_its_verdict(links: HttpService, echo: Echo, status: int, kind: type[Verdict]) -> None:
    echo.fail_next(9, status=status, body="fan@example.com")

    with pytest.raises(kind) as raised:
        links.check(links.post("/x", params={"apikey": "hidden"}))

    assert f"links: POST /v4/x answered {status}" in str(raised.value)
    assert "hidden" not in str(raised.value)
    assert "example" not in str(raised.value)


def test_a_callers_code_wins_over_the_table(links: HttpService, echo: Echo) -> None:
    echo.fail_next(1, status=403)

    with pytest.raises(Reject) as raised:
        links.check(links.get("/"), rejects={403: "OPTED_OUT"})

    assert raised.value.code == "OPTED_OUT"
    assert not isinstance(raised.value, ServiceRefused)  # a code of our own may be told to callers


def test_other_refusals_are_rejected_by_their_status(links: HttpService, echo: Echo) -> None:
    echo.fail_next(1, status=422)

    with pytest.raises(ServiceRefused) as raised:
        links.check(links.get("/"))

    assert raised.value.code == "HTTP_422"


@pytest.mark.usefixtures("stepped")
def test_a_retry_after_may_be_a_date(links: HttpService, echo: Echo) -> None:
    echo.fail_next(1, status=429, headers={"Retry-After": "Tue, 14 Nov 2023 22:14:00 GMT"})

    response = links.get("/")

    assert retry_after_s(response) == 40


def test_no_key_of_a_query_is_logged(links: HttpService, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        links.get("/", params={"apikey": "hidden"})

    assert "hidden" not in caplog.text


def test_a_base_url_without_a_scheme_is_refused_when_it_is_set() -> None:
    with pytest.raises(SettingsError, match="base URL of links has to start with https://"):
        HttpService("api.example", name="links")
