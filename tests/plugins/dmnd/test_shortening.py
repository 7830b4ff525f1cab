from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from worker_runtime import Defer, Metrics, Reject, Retry
from workers_dmnd.shortening import FrugalLinks

if TYPE_CHECKING:
    from worker_runtime import Verdict

URL = "https://www.ticketmaster.com/event/e1"
LINK = "https://bit.ly/e1"


class FakeBitly:
    """Makes the same link of every URL, or raises what it is told to."""

    def __init__(self, verdict: Verdict | None = None) -> None:
        self.calls = 0
        self._verdict = verdict

    def shorten(self, url: str) -> str:  # noqa: ARG002 - the Protocol's
        self.calls += 1
        if self._verdict is not None:
            raise self._verdict
        return LINK


class FakeCache(dict[str, str]):
    """A dict that speaks ``LinkCache``."""

    def find(self, url: str) -> str | None:
        return self.get(url)

    def keep(self, url: str, link: str) -> None:
        self[url] = link


class FakeLimit:
    """Lets everybody wait ``wait_s``."""

    def __init__(self, wait_s: float = 0) -> None:
        self.blocked_s = 0.0
        self._wait_s = wait_s

    def take(self) -> float:
        return self._wait_s

    def block(self, *, for_s: float) -> None:
        self.blocked_s = for_s


def frugal(
    bitly: FakeBitly, metrics: Metrics, *, cache: FakeCache | None = None, limit: FakeLimit | None = None
) -> FrugalLinks:
    return FrugalLinks(
        bitly,
        cache=FakeCache() if cache is None else cache,
        limit=limit or FakeLimit(),
        allowed_hosts=("ticketmaster.com",),
        metrics=metrics,
    )


def counted(metrics: Metrics) -> dict[str, Any]:
    line = msgspec.json.decode(metrics.flush() or "{}")
    return {name: value[0] for name, value in line.items() if name[0].isupper()}


def test_a_new_url_is_shortened_and_remembered(metrics: Metrics) -> None:
    bitly, cache = FakeBitly(), FakeCache()

    link = frugal(bitly, metrics, cache=cache).shorten(URL)

    assert link == LINK
    assert cache == {URL: LINK}
    assert counted(metrics) == {"CacheMiss": 1, "BitlyCalls": 1}


def test_a_known_url_costs_no_call(metrics: Metrics) -> None:
    bitly, limit = FakeBitly(), FakeLimit(wait_s=60)

    link = frugal(bitly, metrics, cache=FakeCache({URL: LINK}), limit=limit).shorten(URL)

    assert (link, bitly.calls) == (LINK, 0)
    assert counted(metrics) == {"CacheHit": 1}


def test_a_url_that_is_not_allowed_is_rejected_and_not_repeated_in_the_reason(metrics: Metrics) -> None:
    bitly = FakeBitly()

    with pytest.raises(Reject) as rejected:
        frugal(bitly, metrics).shorten("https://tickets.example.net/?email=jo@example.com")

    assert rejected.value.code == "BAD_URL"
    assert "example" not in str(rejected.value)
    assert bitly.calls == 0


def test_past_the_limit_the_url_is_put_off_and_bitly_left_alone(metrics: Metrics) -> None:
    bitly, limit = FakeBitly(), FakeLimit(wait_s=42)

    with pytest.raises(Defer) as deferred:
        frugal(bitly, metrics, limit=limit).shorten(URL)

    assert (deferred.value.after_s, bitly.calls) == (42, 0)
    assert counted(metrics) == {"CacheMiss": 1, "BitlyThrottled": 1}


def test_when_bitly_asks_to_be_left_alone_nobody_calls_it(metrics: Metrics) -> None:
    limit = FakeLimit()

    with pytest.raises(Defer):
        frugal(FakeBitly(Defer(120)), metrics, limit=limit).shorten(URL)

    assert limit.blocked_s == 120
    assert counted(metrics) == {"CacheMiss": 1, "BitlyCalls": 1, "BitlyThrottled": 1}


def test_what_bitly_could_not_do_is_not_remembered(metrics: Metrics) -> None:
    cache, limit = FakeCache(), FakeLimit()

    with pytest.raises(Retry):
        frugal(FakeBitly(Retry()), metrics, cache=cache, limit=limit).shorten(URL)

    assert cache == {}
    assert limit.blocked_s == 0
