"""Stand-ins: a small service that fails on command, written as a plugin would."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import pytest

from worker_runtime.clock import SteppedClock
from worker_runtime.local.stage.parts.http_server import Request, Response
from worker_runtime.local.stage.parts.routes import Routes
from worker_runtime.local.stage.parts.stand_in import StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.clock import Clock


class Links(StandIn):
    """A link shortener with two routes."""

    def __init__(self, *, clock: Clock | None = None, seed: int = 0) -> None:
        super().__init__(clock=clock, seed=seed)
        self._links: dict[str, str] = {}
        self._routes = Routes({"POST /v4/shorten": self._shorten, "GET /v4/links/{id}": self._find})

    def handle(self, request: Request) -> Response:
        return self._routes(request)

    def _shorten(self, request: Request) -> Response:
        link = f"l{len(self._links)}"
        self._links[link] = request.json()["long_url"]
        return Response.json({"id": link}, status=201, headers={"X-Left": "9"})

    def _find(self, request: Request) -> Response:
        return Response.json({"long_url": self._links[request.params["id"]], **request.query})


@pytest.fixture
def links() -> Iterator[Links]:
    with Links(clock=SteppedClock()) as running:
        yield running


@pytest.fixture
def http(links: Links) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=links.url, timeout=5, trust_env=False) as client:
        yield client


def test_it_keeps_state_and_speaks_json(http: httpx.Client) -> None:
    made = http.post("/v4/shorten", json={"long_url": "https://example.com/ü"})

    found = http.get(f"/v4/links/{made.json()['id']}", params={"and": "this"})

    assert (made.status_code, made.headers["X-Left"]) == (201, "9")
    assert found.json() == {"long_url": "https://example.com/ü", "and": "this"}


def test_the_next_requests_fail_as_scripted_and_then_no_more(links: Links, http: httpx.Client) -> None:
    links.fail_next(2, status=503, headers={"Retry-After": "7"}, body={"message": "busy"})

    answers = [http.post("/v4/shorten", json={"long_url": "u"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 201]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].json() == {"message": "busy"}
    assert answers[2].json() == {"id": "l0"}  # the failed ones did nothing


class Deaf(StandIn):
    """A service that does what it is asked and never says so."""

    def handle(self, request: Request) -> None:  # noqa: ARG002 - whatever it is
        return None


def test_a_service_may_hang_up_without_an_answer() -> None:
    with Deaf() as deaf, httpx.Client(base_url=deaf.url, trust_env=False) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            http.post("/v4/shorten")

        (exchange,) = deaf.exchanges
        assert (exchange.status, exchange.scripted) == (None, False)


def test_it_hangs_up_as_scripted_and_does_nothing(links: Links, http: httpx.Client) -> None:
    links.hang_up_next(2)

    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            http.post("/v4/shorten", json={"long_url": "u"})

    assert http.post("/v4/shorten", json={"long_url": "u"}).json() == {"id": "l0"}
    assert [(each.status, each.scripted) for each in links.exchanges[:2]] == [(None, True), (None, True)]


def test_latency_passes_on_the_stand_ins_clock(links: Links, http: httpx.Client) -> None:
    began = links.clock.now()
    links.slow_next(latency_s=30)

    answer = http.post("/v4/shorten", json={"long_url": "u"})

    assert answer.status_code == 201
    assert links.clock.now() - began == 30


def test_a_request_left_hanging_ends_by_the_clients_own_time_out(links: Links) -> None:
    links.fail_next(hang=True)

    with httpx.Client(base_url=links.url, timeout=0.1, trust_env=False) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.get("/v4/links/l0")
        following = client.post("/v4/shorten", json={"long_url": "u"})

    assert following.status_code == 201
    assert [each.status for each in links.exchanges] == [None, 201]


def test_a_stopped_stand_in_hangs_up_on_who_is_left_hanging() -> None:
    with ThreadPoolExecutor(1) as threads, Links() as links:
        links.fail_next(hang=True)
        waiting = threads.submit(httpx.get, f"{links.url}/v4/links/l0", timeout=30, trust_env=False)
        while not links.exchanges:
            time.sleep(0.005)
        links.stop()

        with pytest.raises(httpx.HTTPError):
            waiting.result(timeout=5)


def test_every_nth_request_is_throttled(links: Links, http: httpx.Client) -> None:
    links.throttle(every=3, retry_after_s=2)

    answers = [http.post("/v4/shorten", json={"long_url": "u"}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [201, 201, 429, 201, 201, 429]
    assert answers[2].headers["Retry-After"] == "2"


def test_who_throttles_refuses_late_too(links: Links, http: httpx.Client) -> None:
    links.throttle(every=1)
    links.slow_next(latency_s=30)

    assert http.post("/v4/shorten", json={"long_url": "u"}).status_code == 429


def test_random_throttling_is_the_same_for_the_same_seed() -> None:
    def statuses(seed: int) -> list[int]:
        with Links(seed=seed) as links, httpx.Client(base_url=links.url, trust_env=False) as client:
            links.throttle(share=0.5)
            return [client.post("/v4/shorten", json={"long_url": "u"}).status_code for _ in range(20)]

    first, again, other = statuses(1), statuses(1), statuses(2)

    assert first == again
    assert first != other
    assert set(first) == {201, 429}


def test_it_behaves_again_when_told_so(links: Links, http: httpx.Client) -> None:
    links.fail_next(100)
    links.throttle(every=1)

    links.behave()

    assert http.post("/v4/shorten", json={"long_url": "u"}).status_code == 201


def test_what_was_asked_is_on_record(links: Links, http: httpx.Client) -> None:
    links.fail_next(status=500)
    for url in ("one", "two"):
        http.post("/v4/shorten", json={"long_url": url}, headers={"Authorization": "Bearer t"})
    http.get("/v4/links/l0")

    assert links.count() == 3
    assert links.count("POST", "/v4/shorten") == 2
    assert links.count(status=500) == 1
    first, *_ = links.exchanges
    assert first.scripted
    assert first.request.headers["authorization"] == "Bearer t"
    assert json.loads(first.request.body) == {"long_url": "one"}


def test_an_unknown_route_and_a_wrong_method_are_told_apart(http: httpx.Client) -> None:
    missing = http.get("/v5/shorten")
    wrong = http.get("/v4/shorten")

    assert missing.status_code == 404
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "POST")


def test_a_mistake_in_a_stand_in_is_a_500_and_it_goes_on(http: httpx.Client) -> None:
    broken = http.get("/v4/links/unknown")
    following = http.post("/v4/shorten", json={"long_url": "u"})

    assert broken.status_code == 500
    assert "KeyError('unknown')" in broken.json()["message"]
    assert following.status_code == 201


def test_a_connection_serves_many_requests(links: Links, http: httpx.Client) -> None:
    for _ in range(3):
        http.post("/v4/shorten", json={"long_url": "u"})

    assert links.count() == 3
    assert len(links._server._server._connections) == 1


def test_a_chunked_request_is_read(http: httpx.Client) -> None:
    answer = http.post("/v4/shorten", content=iter([b'{"long_url":', b' "u"}']))

    assert answer.json() == {"id": "l0"}


def test_it_serves_many_clients_at_once(links: Links) -> None:
    def shorten(at: int) -> int:
        with closing(httpx.Client(base_url=links.url, trust_env=False)) as client:
            return client.post("/v4/shorten", json={"long_url": str(at)}).status_code

    with ThreadPoolExecutor(16) as threads:
        statuses = list(threads.map(shorten, range(64)))

    assert set(statuses) == {201}


def test_it_comes_back_on_the_same_port() -> None:
    links = Links().start()
    url = links.url
    links.stop()

    with links:
        assert links.url == url
        assert httpx.get(f"{url}/nothing", trust_env=False).status_code == 404
